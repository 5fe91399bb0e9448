"""New and total RNA of labelled cells, averaged over neighbors: the logarithm of total RNA is the state."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.channels import CHANNELS
from cellflow_core.data.preprocessing.highly_variable_genes import most_variable
from cellflow_core.data.preprocessing.moments import (
    LEAST_GENES,
    averaged,
    log1p,
    multiplied,
    neighbor_weights,
    size_factors,
)
from cellflow_core.data.preprocessing.splicing_layers import held, totals
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import principal
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_covariate
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.time_units import format_duration

Array = np.ndarray
SHARE = "new RNA share"


@dataclass(frozen=True)
class Settings(Config):
    pulse: float = setting(
        0.0,
        "how long new RNA was labelled before the cells were measured, in the unit of time that velocities shall have "
        "(that of the data, where it has one); no velocity without it",
        0.0,
        10_000.0,
        label="Labelling pulse τ",
    )
    efficiency: float = setting(
        1.0,
        "fraction of the new RNA that is found to be labelled, by which new RNA is divided; 1 where it was corrected",
        0.05,
        1.0,
        label="Labelling efficiency",
    )
    min_new_counts: int = setting(20, "counts of new RNA that a gene needs", 0, 100_000, label="Least new counts")
    variable_genes: int = setting(500, "genes that differ most between cells, which become the axes", 5, 5000)
    components: int = setting(30, "principal components of the total RNA, in which neighbors are searched", 2, 200)
    neighbors: int = setting(30, "nearest neighbors over which RNA is averaged", 2, 500, label="Neighbors")
    values: Literal["counts", "normalised"] = setting(
        "counts",
        "what the layers hold; normalised values are taken as they are",
        choice_labels={"counts": "counts", "normalised": "normalised or simulated values"},
        label="New and total values",
    )


@dataclass(frozen=True)
class LabelledMoments:
    """Means over the neighbors of each cell, in counts of a cell of median size. lost: why genes were left out."""

    new: Float[Array, "cells genes"]
    total: Float[Array, "cells genes"]
    genes: tuple[str, ...]
    lost: str


class LabelledRna(Step):
    """Both kinds of a cell are brought to the median total by the same factor, that of its total RNA."""

    title = "New RNA and moments"
    summary = (
        "For metabolic labelling: averages new (labelled) and total RNA over neighbors and makes the genes that vary "
        "most the axes. With the length of the pulse, velocities come in real time. No times are needed."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings = self.settings
        if settings.pulse <= 0:
            raise ValueError(
                "how long was the RNA labelled? Give the labelling pulse in the unit of time that velocities shall have"
            )
        on_progress("reading the layers")
        new, total, genes = labelled_layers(dataset)
        if settings.values == "counts" and not _whole(new, total):
            raise ValueError(
                "new and total values are no whole numbers, so they were normalised or estimated before: give the "
                "counts, or choose “normalised” to take the values as they are"
            )
        found = labelled_moments(new, total, genes, settings, on_progress)
        data = dataset.snapshots()
        moved = dataclasses.replace(
            data,
            x=np.log1p(found.total),
            space=AffineSpace.of_genes(found.genes),
            velocity=None,
            **_of_other_genes(data.channels),
            new_rna=found.new,
            pulse=np.full(len(data.x), settings.pulse, np.float32),
        )
        share = totals(new, 1) / np.maximum(totals(total, 1), 1e-12)
        message = (
            f"kept {len(found.genes):,} of {len(genes):,} genes{found.lost} and averaged their new and total "
            f"{'counts, brought to the median total,' if settings.values == 'counts' else 'values'} over "
            f"{settings.neighbors} neighbors; {share.mean():.0%} of the RNA was labelled in a pulse of "
            f"{format_duration(settings.pulse, data.time_unit)}, of {settings.efficiency:.0%} efficiency"
        )
        views = {"umap": dataset.embedding("umap")} if "umap" in dataset.info.views else {}
        return StepResult(with_covariate(moved, SHARE, share), message, views=views, name="new RNA")


def labelled_layers(dataset: Dataset) -> tuple[Any, Any, tuple[str, ...]]:
    """(new, total, genes): values [cells, genes], numpy or scipy.sparse CSC; total is new + old where it is not there.

    Raises ValueError, with a sentence, where a layer is missing or can be no count.
    """
    there = set(dataset.info.layers)
    if "new" not in there or not {"total", "old"} & there:
        raise ValueError(
            f"{dataset.info.label!r} has no layers of new and total RNA (new with total or old, labeled with "
            "unlabeled, X_new with X_total): they come from metabolic labelling, counted for example by dynast"
        )
    new, genes = dataset.layer("new").table(), dataset.layer("new").genes
    total = dataset.layer("total").table() if "total" in there else new + dataset.layer("old").table()
    for name, each in (("new", new), ("total", total)):
        values = held(each)
        if not values.any() or not np.isfinite(values).all() or values.min() < 0:
            raise ValueError(
                f"the layer {name!r} is zero everywhere, or has values below zero or missing ones: use the layers as "
                "they were counted"
            )
    if held(total - new).min(initial=0.0) < -1e-3 * held(total).max():
        raise ValueError("the layer 'new' exceeds the layer 'total', of which it must be a part: are they exchanged?")
    return new, total, genes


def labelled_moments(
    new: Any, total: Any, genes: tuple[str, ...], settings: Settings, on_progress: OnProgress
) -> LabelledMoments:
    """Raises ValueError, with a sentence, where fewer than LEAST_GENES genes are left."""
    counts = settings.values == "counts"
    chosen = np.flatnonzero(totals(new, 0) >= max(settings.min_new_counts if counts else 0, 1e-12))
    if len(chosen) < LEAST_GENES:
        raise ValueError(
            f"{len(chosen)} of {len(genes):,} genes have {settings.min_new_counts} counts of new RNA and at least "
            f"{LEAST_GENES} are needed: lower the threshold or use a file with more genes"
        )
    few = len(genes) - len(chosen)
    factor = size_factors(total) if counts else np.ones(total.shape[0], np.float32)
    new, total = (multiplied(each, factor)[:, chosen] for each in (new, total))
    on_progress("finding the most variable genes")
    names = tuple(genes[k] for k in chosen)
    variable = most_variable(log1p(total), names, settings.variable_genes)
    lost = f" ({few:,} have too little new RNA, {len(names) - len(variable):,} vary less than the others)"
    new, total, names = new[:, variable], total[:, variable], tuple(names[k] for k in variable)
    on_progress("averaging over neighbors")
    weights = neighbor_weights(principal(log1p(total), names, settings.components).state, settings.neighbors)
    return LabelledMoments(
        averaged(weights, new) / settings.efficiency,
        averaged(weights, total),
        names,
        lost if len(names) < len(genes) else "",
    )


def _whole(*layers: Any) -> bool:
    return all(bool((held(each) == np.round(held(each))).all()) for each in layers)


def _of_other_genes(channels: Any) -> dict[str, None]:
    """What was known of the genes of the old space does not come along."""
    return {name: None for name in channels if CHANNELS[name].shape == ("genes",)}
