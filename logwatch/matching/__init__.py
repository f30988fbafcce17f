"""Which lines matter, and what a rule takes out of them."""
