"""What a computation runs on: devices, and how exactly they multiply."""
