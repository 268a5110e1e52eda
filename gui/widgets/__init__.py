"""Reusable widgets, independent of the pages and of what the engine computes."""
