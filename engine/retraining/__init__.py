"""ROAR and KAR: rankings of pixels, retraining, curves and scores."""
