"""The points of a sweep: planned, pinned, collected, and drawn as tables and plots."""
