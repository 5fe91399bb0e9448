"""Figures: arrays or results in, a plotly figure out. One file a figure, one theme."""
