"""Figures of individuals followed over time."""
