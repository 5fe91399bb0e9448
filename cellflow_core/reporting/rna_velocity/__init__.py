"""RNA velocity in words and tables."""
