"""Reusable widgets that know nothing of the pages or of what the engine computes."""
