"""Which gene acts on which: the network that a model inferred, or the Jacobian of its field.

Beside it stand what other trainings find, the correlation of expression, and the truth where it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.regulation.jacobian import gene_jacobian, some_cells
from cellflow_core.analysis.results import GeneNetwork
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.network_scores import edge_overlap, network_scores, overlap_by_chance, top_edges
from cellflow_core.models.contract import DynamicsModel, HasNetwork, capabilities
from cellflow_core.plural import counted

Array = np.ndarray
Kind = Literal["auto", "network", "jacobian"]
MOST_GENES = 400
"""Genes of a Jacobian: those that differ most between cells."""
TOP, TOP_SHARE = 100, 0.2
"""Where the true number of edges is not known, so many count as strongest, but no more than this share of all pairs."""
NOTE = (
    "A model learnt from snapshots exchanges genes that change together, and does not see proteins, chromatin or genes "
    "that were not measured: an edge is a hypothesis for a perturbation experiment, not a cause."
)

OF_INDIVIDUALS = (
    "A model learnt from followed individuals exchanges variables that change together, and does not see what was not "
    "measured: an edge is a hypothesis for a perturbation experiment, not a cause."
)


def network_genes(model: Model, data: Snapshots, kind: Kind = "auto") -> tuple[str, ...]:
    """The genes of the network: all of the model's own, those that differ most between cells of a Jacobian.

    Raises ValueError where the model has no network of its own and that is asked for, and where there are no genes.
    """
    if resolved(model, kind) == "network":
        assert isinstance(model, DynamicsModel)
        return model.spec.genes
    genes = data.space.genes
    if not genes:
        raise ValueError(data.space.no_genes)
    if len(genes) <= MOST_GENES:
        return genes
    first = np.sort(np.argsort(-data.space.gene_std(data.x), kind="stable")[:MOST_GENES])
    return tuple(genes[k] for k in first)


def resolved(model: Model, kind: Kind) -> str:
    """ "network" or "jacobian"; "auto" is the model's own network where it has one. Raises ValueError."""
    own = isinstance(model, DynamicsModel) and "network" in capabilities(model)
    if kind == "network" and not own:
        raise ValueError(
            f"{getattr(model, 'title', 'this model')}, as it was trained, infers no network of its own: ask for the "
            "Jacobian of its field, or train a model that does"
        )
    return "jacobian" if kind == "jacobian" or not own else "network"


def gene_network(
    model: Model,
    data: Snapshots,
    measured: Float[Array, "cells genes"],
    kind: Kind = "auto",
    label: tuple[str, str] | None = None,
    siblings: Sequence[Model] = (),
    truth: Int[Array, "genes genes"] | None = None,
    seed: int = 0,
) -> GeneNetwork:
    """The influence of every gene of `network_genes` on every other.

    measured  expression of these genes, whose correlation stands beside
    label     (annotation, value) of the cells that it is of; None: all
    siblings  the same model from other seeds: how many find an edge again
    truth     of these genes, where it is known
    Raises ValueError or KeyError, with a sentence, where there is no such network.
    """
    genes, found = network_genes(model, data, kind), resolved(model, kind)
    chosen = np.ones(len(data.x), bool) if label is None else _of_group(data, *label)
    subject = data.subject if getattr(model, "trains_on", "") == "trajectories" else None
    where = counted(int(chosen.sum()), "cell" if subject is None else "sample")
    where += "" if subject is None else f" of {counted(len(np.unique(subject[chosen])), 'followed individual')}"
    where += "" if label is None else f" with {label[0]} {label[1]}"
    rows = some_cells(chosen, seed)
    every = [_influence(each, data, genes, found, label, rows) for each in (model, *siblings)]
    score, correlation = every[0], _correlation(measured[chosen])
    top = _top(truth, len(genes))
    pairs = [edge_overlap(a, b, top) for k, a in enumerate(every) for b in every[:k]]
    prior = None if data.network is None else data.network.matrix(genes).astype(np.float64)
    scored = {"this model": score, "correlation of expression": correlation}
    if data.network is not None and prior is not None:
        scored[f"prior network {data.network.name}"] = prior
    scores = None if truth is None else np.array([_scores(each, truth) for each in scored.values()])
    jacobian = found == "jacobian"
    return GeneNetwork(
        genes=genes,
        kind=found,
        score=score,
        unit=f"1 / {data.time_unit or 'time unit'}" if jacobian else "",
        cells=where,
        correlation=correlation,
        top=top,
        recurs=np.sum([top_edges(each, top) for each in every], axis=0),
        trainings=len(every),
        overlap=np.array(pairs),
        overlap_by_chance=overlap_by_chance(top, len(genes) * (len(genes) - 1)),
        prior=prior,
        prior_name="" if data.network is None else data.network.name,
        truth=truth,
        scored=() if truth is None else tuple(scored),
        scores=scores,
        notes=(
            *(_jacobian_notes(data, genes, len(rows)) if jacobian else ()),
            NOTE if subject is None else OF_INDIVIDUALS,
        ),
    )


def _influence(
    model: Model,
    data: Snapshots,
    genes: tuple[str, ...],
    kind: str,
    label: tuple[str, str] | None,
    rows: Int[Array, " some"],
) -> Float[Array, "genes genes"]:
    if kind == "jacobian":
        return gene_jacobian(model, data, genes, rows)
    assert isinstance(model, HasNetwork)
    with torch.no_grad():
        return model.network("" if label is None else label[1]).detach().cpu().numpy().astype(np.float64)


def _of_group(data: Snapshots, by: str, value: str) -> Bool[Array, " cells"]:
    if by not in data.labels:
        raise KeyError(f"there is no annotation {by!r}; there are {', '.join(data.labels) or 'none'}")
    return np.asarray(data.labels[by]).astype(str) == value


def _correlation(values: Float[Array, "cells genes"]) -> Float[Array, "genes genes"]:
    """Pearson correlation of each two genes; 0 for one that does not vary."""
    centered = values.astype(np.float64) - values.mean(axis=0)
    spread = np.sqrt(np.square(centered).sum(axis=0))
    unit = np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0)
    return unit.T @ unit


def _top(truth: Int[Array, "genes genes"] | None, genes: int) -> int:
    """How many edges count as strongest: the true number where it is known."""
    candidates = genes * (genes - 1)
    if truth is not None:
        true = int(np.count_nonzero(truth[~np.eye(genes, dtype=bool)]))
        if 0 < true < candidates:
            return true
    return max(1, min(TOP, int(TOP_SHARE * candidates)))


def _scores(found: Float[Array, "genes genes"], truth: Int[Array, "genes genes"]) -> list[float]:
    """As GeneNetwork.scores has them."""
    of = network_scores(found, truth.astype(np.float64))
    return [of.auprc_over_random, of.auroc, of.early_precision_over_random, of.signs, of.auprc]


def _jacobian_notes(data: Snapshots, genes: tuple[str, ...], cells: int) -> tuple[str, ...]:
    found = [
        f"Score: change of the velocity of the target (in its standard deviations per time) when the source rises by "
        f"one standard deviation, mean over {counted(cells, 'cell')}."
    ]
    if data.space.kind == "pca":
        found.append(
            f"The field lives in {data.dim} principal components, which mix genes: genes with like loadings have like "
            "edges, and the Jacobian cannot tell them apart."
        )
    if len(genes) < len(data.space.genes):
        found.append(f"Of {len(data.space.genes):,} genes, the {len(genes)} that differ most between cells.")
    return tuple(found)
