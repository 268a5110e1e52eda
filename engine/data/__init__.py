"""Read image sets from dropped paths into arrays, and make the built-in image sets."""
