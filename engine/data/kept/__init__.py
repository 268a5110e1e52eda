"""What is kept of image sets that were read: their pixels in a file, their specs in a study."""
