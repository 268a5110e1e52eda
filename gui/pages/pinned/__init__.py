"""The Pinned page."""
