"""Export and copy of what a page shows."""
