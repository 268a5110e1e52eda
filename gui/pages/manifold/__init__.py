"""The Manifold page."""
