"""Many trainings, or retrainings, computed as one."""
