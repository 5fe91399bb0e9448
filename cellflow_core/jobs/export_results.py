"""What a run says of single measured cells, for an exported file: order, lineages, fates, transitions, network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.results import CellLineages, CellOrder, Fates, GeneNetwork
from cellflow_core.analysis.transitions.kernel import transitions
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.jobs.error_messages import user_message
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.models.contract import MOVES_CELLS, HasTransitions, capabilities

Array = np.ndarray
COLUMNS = ("latent_time", "latent_time_from_other_end", "lineage_of_model", "likeliest_fate", "fate_entropy")
"""Names of all columns that there may be."""


@dataclass
class CellResults:
    """Of the measured cells, in the order of the data set; NaN, "" and 0 where an answer says nothing of a cell.

    columns  [cells] each; blocks [cells, k] each, whose column names are in `names`
    tables   [cells, cells] each, sparse: row i to column j; matrices [genes, genes]: of the genes in `names`
    left_out sentences: what could not be calculated, and why
    """

    columns: dict[str, Array] = field(default_factory=dict)
    blocks: dict[str, Array] = field(default_factory=dict)
    tables: dict[str, csr_array] = field(default_factory=dict)
    matrices: dict[str, Array] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def cell_results(subject: RunContext) -> CellResults:
    """All that this run can say of the measured cells; answers that are stored are read."""
    found, has, run = CellResults(), capabilities(subject.model), subject.run.id
    steps = {
        _order: "latent_time" in has,
        _lineages: "lineages" in has,
        _fates: _has_fates(subject, has),
        _network: "network" in has and DataRequirement.GENE_AXES in subject.data.has,
    }
    for step, there in steps.items():
        try:
            if there:
                step(subject, run, found)
        except ValueError as error:
            found.left_out.append(user_message(error))
    if isinstance(subject.model, HasTransitions):
        found.tables["transitions"] = transitions(subject.model, subject.data)[0]
    return found


def _has_fates(subject: RunContext, has: frozenset[str]) -> bool:
    moving = bool(has & MOVES_CELLS) and dynamics(subject.model).tracks_cells
    return "transitions" in has or (moving and DataRequirement.TIMES in subject.data.has)


def _order(subject: RunContext, run: str, found: CellResults) -> None:
    order = answer("latent_time", run)
    assert isinstance(order, CellOrder)
    found.columns["latent_time"] = order.value


def _lineages(subject: RunContext, run: str, found: CellResults) -> None:
    lineages = answer("lineages", run)
    assert isinstance(lineages, CellLineages)
    if lineages.other_order is not None:
        found.columns["latent_time_from_other_end"] = lineages.other_order
    if lineages.names:
        own = [lineages.names[k] if k >= 0 else "several" for k in lineages.own]
        found.columns["lineage_of_model"] = np.array(own, dtype=object)
        found.blocks["lineage_weight"], found.names["lineage_weight"] = lineages.weight, list(lineages.names)


def _fates(subject: RunContext, run: str, found: CellResults) -> None:
    by_transitions = not capabilities(subject.model) & MOVES_CELLS
    fates = answer("transition_fates" if by_transitions else "fates", run)
    assert isinstance(fates, Fates) and fates.rows is not None
    cells = len(subject.data.x)
    chance, entropy = np.full((cells, len(fates.names)), np.nan), np.full(cells, np.nan)
    chance[fates.rows], entropy[fates.rows] = fates.probability, fates.entropy
    likeliest = np.full(cells, "", dtype=object)
    likeliest[fates.rows] = np.array(fates.names, dtype=object)[fates.probability.argmax(axis=1)]
    found.columns |= {"likeliest_fate": likeliest, "fate_entropy": entropy}
    found.blocks["fate_probability"], found.names["fate_probability"] = chance, list(fates.names)


def _network(subject: RunContext, run: str, found: CellResults) -> None:
    network: Any = answer("gene_network", run)
    assert isinstance(network, GeneNetwork)
    found.matrices["network"], found.names["network"] = network.score, list(network.genes)
