"""Open weights files of other programs: read them safely, and find out what is in them."""
