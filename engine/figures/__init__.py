"""Charts, tables and the report, drawn from records."""
