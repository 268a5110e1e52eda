"""Specs of the scores that judge maps, a network's gradients or their method."""
