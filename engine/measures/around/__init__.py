"""What surrounds an image for a network: its loss on a plane, and paths far away from it."""
