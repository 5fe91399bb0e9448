"""Individuals followed over time: fits, doses, exposure, and the checks that a model of them has to pass."""
