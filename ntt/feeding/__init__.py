"""Keeps the networks busy: images are decoded ahead of them and masks are finished behind them, in threads."""
