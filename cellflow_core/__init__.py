"""Generative models of cell dynamics: data, models, training, analysis and figures behind one interface."""

__version__ = "0.5.0"
