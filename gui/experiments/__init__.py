"""The dialog from which experiments, that is plan files, are computed."""
