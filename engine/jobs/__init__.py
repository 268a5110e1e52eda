"""The context a computation runs in, and the events it emits while it runs."""
