"""Markov chains over cells: kernels that make them, metastable states, absorption and the long run."""
