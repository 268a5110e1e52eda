"""From a plan file to records: what computes what, in which order, and how long it takes."""
