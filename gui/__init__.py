"""The window: it edits specs and shows events and records. Only here is Qt known."""
