"""Models of followed individuals: what becomes of each under its doses."""
