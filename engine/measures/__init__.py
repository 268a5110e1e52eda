"""Measurements of one classifier: maps, adversarial examples, metrics, report card."""
