"""Figures about single images: what surrounds them, what is painted, how their maps grew."""
