"""Training: schemes, the loop, evaluation, alarms."""
