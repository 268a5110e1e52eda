"""What keeps reading images within bounds: memory and work, threads to leave behind, names."""
