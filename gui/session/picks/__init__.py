"""What the user picked, for all pages: images and charts."""
