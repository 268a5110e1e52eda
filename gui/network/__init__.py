"""Opening a network from a weights file: what was found, how accurate it is, and corrections."""
