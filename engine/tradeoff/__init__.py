"""The trade-off between accuracy and interpretability: points, correlations, published values."""
