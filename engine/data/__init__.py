"""Images: from a dropped path to arrays, and the built-in image sets."""
