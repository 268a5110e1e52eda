"""What a computation is given, and what it may say while it runs."""
