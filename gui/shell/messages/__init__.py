"""What the window tells: the line above the page, the news, and the list of all of it."""
