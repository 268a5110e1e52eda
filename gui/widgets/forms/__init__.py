"""Forms made from specs, and the fields in them."""
