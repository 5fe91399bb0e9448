"""Individuals followed over time, in words and tables."""
