"""Attacks on classifiers: losses, norm balls, PGD, and the table of attacks."""
