"""Models of populations that grow and shrink while they move."""
