"""The dock of running and waiting computations."""
