"""What forms, tables and documents call a setting that several methods share, where its name in words will not do.

A setting of one method has its label beside its help: `setting(..., label="...")`, which goes before this table.
"""

from __future__ import annotations

LABELS = {
    "alpha": "Weight α of the second distance",
    "attraction": "Attraction strength",
    "bandwidth": "Kernel bandwidth",
    "delta": "Length scale δ",
    "density": "Weight of the density loss",
    "depth": "Hidden layers",
    "dims": "Number of dimensions",
    "energy": "Weight of the kinetic energy",
    "epsilon": "Regularisation ε",
    "genes": "Genes",
    "growth_penalty": "Growth penalty ρ",
    "hill": "Hill coefficient",
    "initial_sd": "Initial standard deviation",
    "label": "Annotation",
    "landscape": "Landscape",
    "last_time": "Last time point",
    "max_exact_divergence_dim": "Largest dimension with exact divergence",
    "n_times": "Number of time points",
    "neighbours": "Nearest neighbours k",
    "noise": "Noise σ",
    "noise_dims": "Noise dimensions",
    "prior": "Growth prior",
    "relax": "Relaxed marginals",
    "rho": "Marginal relaxation ρ",
    "sigma": "Noise σ",
    "solver": "Solver",
    "step": "Integration step",
    "substeps": "Solver steps per interval",
    "synchrony": "Phase synchrony",
    "tau": "Marginal relaxation τ",
    "tolerance": "Solver tolerance",
    "values": "Groups",
    "variable_genes": "Highly variable genes",
    "view": "Embedding",
    "width": "Hidden width",
    "windows": "Number of time bins",
}
