"""Colours, icons, words, and the settings of the user."""
