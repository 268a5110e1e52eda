"""A study on disk: records, labels, trash, packed copies."""
