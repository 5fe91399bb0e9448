"""The field of a model and its landscape, in words and tables."""
