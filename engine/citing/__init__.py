"""A study in the words of a methods section, and the works that it cites."""
