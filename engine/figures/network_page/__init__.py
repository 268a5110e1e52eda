"""The report of one network as a page of HTML that holds all its pictures."""
