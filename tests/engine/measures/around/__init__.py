"""What surrounds an image for a network."""
