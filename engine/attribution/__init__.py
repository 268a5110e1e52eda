"""Attribution maps as numbers, and their pictures."""
