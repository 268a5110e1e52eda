"""Photographs of phones (HEIC), decoded in another process."""
