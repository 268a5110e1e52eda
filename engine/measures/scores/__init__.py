"""Scores that judge maps without retraining, each beside maps of no network."""
