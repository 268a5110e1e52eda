"""The frontier of a study as tables and charts."""
