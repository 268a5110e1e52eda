"""Networks as points: fits, correlations, published values."""
