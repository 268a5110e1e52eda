"""The open study and images, and the only place that starts threads."""
