"""Specs of what one training step does with a batch: augmentation, then a training scheme."""
