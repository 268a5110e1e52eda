"""Generators, distances to the image manifold, tangent spaces, and the verdict on their order."""
