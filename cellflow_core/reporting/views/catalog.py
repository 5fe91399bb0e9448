"""The view of every question that can be asked about a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cellflow_core.reporting.views import of_cells, of_fields, of_genes, of_individuals, of_scores
from cellflow_core.reporting.views.view import View

VIEWS: Mapping[str, tuple[str, Callable[[Any, Any], View]]] = {
    "landscape": ("Landscape", of_cells.landscape),
    "moving_landscape": ("Landscape over time", of_fields.moving_landscape),
    "chain_landscape": ("Landscape of transitions", of_fields.chain_landscape),
    "barriers": ("Barriers between basins", of_fields.barriers),
    "flow": ("Flow", of_cells.flow),
    "fixed_points": ("Fixed points", of_fields.fixed_points),
    "field_derivatives": ("Divergence and rotation", of_fields.field_derivatives),
    "velocity": ("RNA velocity", of_genes.velocity),
    "group_velocities": ("RNA velocity in groups", of_genes.group_velocities),
    "phase_portrait": ("Phase portrait", of_genes.phase_portrait),
    "permutation_scores": ("Permutation scores", of_genes.permutation_scores),
    "course": ("Time", of_cells.course),
    "trend": ("One gene over time", of_genes.trend),
    "fates": ("Fates", of_cells.fates),
    "transition_fates": ("Fates by transitions", of_cells.fates),
    "fate_genes": ("Genes of a fate", of_genes.fate_genes),
    "fate_influence": ("Genes that push cells towards a fate", of_genes.fate_influence),
    "latent_time": ("Latent time", of_genes.latent_time),
    "lineages": ("Order and lineages", of_cells.lineages),
    "branches": ("Branches", of_cells.branches),
    "gene_network": ("Gene network", of_genes.gene_network),
    "gene_equations": ("Equations of the genes", of_genes.gene_equations),
    "futures": ("Futures of one cell", of_cells.futures),
    "clones": ("Clones", of_cells.clones),
    "ancestry": ("Ancestors and descendants", of_cells.ancestry),
    "composition": ("Groups over time", of_cells.composition),
    "fate_trends": ("One gene, fate by fate", of_genes.fate_trends),
    "perturb": ("Perturbation", of_genes.perturb),
    "screen": ("Screen of many genes", of_genes.screen),
    "knock_outs": ("Predicted and measured knock-outs", of_genes.knock_outs),
    "scores": ("Against the held-out time", of_scores.scores),
    "individual_fits": ("Individual fits", of_individuals.individual_fits),
    "individual_parameters": ("Parameters of individuals", of_individuals.individual_parameters),
    "plans": ("Regimens", of_individuals.plans),
    "predictive_check": ("Visual predictive check", of_individuals.predictive_check),
    "prediction_errors": ("NPDE and goodness of fit", of_individuals.prediction_errors),
    "forecast": ("Forecasts of individuals", of_individuals.forecast),
}
"""Question -> title, and what makes its view of (answer, `Asked`)."""
