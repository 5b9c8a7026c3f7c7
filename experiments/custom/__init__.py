"""Sets of one's own, and the published toy set of boats and birds."""
