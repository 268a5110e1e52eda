"""The user's own methods: which files may run, and the dialog that asks."""
