"""Figures about single images."""
