"""Figures on paper: their style, the presets of journals, and how charts are laid out."""
