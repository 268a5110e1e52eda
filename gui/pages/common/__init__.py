"""Widgets, base classes and data structures that several pages share."""
