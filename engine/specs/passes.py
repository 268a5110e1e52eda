"""The unit in which specs say how much work they are, so that time can be estimated.

A pass is one image once through a network in a step of training. Forwards, back to the pixels and
back to the weights cost about the same, a third of a pass each.
"""

FORWARD = 1 / 3
"""Classifying an image."""

TO_PIXELS = 2 / 3
"""One gradient with respect to an image: a step of an attack, or a gradient map."""
