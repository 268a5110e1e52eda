"""Architectures, their weights, and gradients through them."""
