"""The threads behind the window, and how what they say comes to it; the runner owns them."""
