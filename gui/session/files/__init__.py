"""Files of the user that the window writes, and where it wrote the last ones."""
