"""Velocity genes, and a state of their unspliced and spliced RNA averaged over neighbors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data.preprocessing.count_halves import HalvesAgreement, halves_agreement
from cellflow_core.data.preprocessing.moments import Moments, moments_of
from cellflow_core.data.preprocessing.splicing_layers import (
    FRACTIONAL,
    SplicingLayers,
    unspliced_shares,
    unusual_shares,
)
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_covariate
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
SHARE = "unspliced share"
HALVES = "agreement of count halves"
CHANCE = "chance of that agreement"


@dataclass(frozen=True)
class Settings(Config):
    min_shared_counts: int = setting(
        20, "counts that a gene needs in the cells with both kinds of RNA", 0, 100_000, label="Least shared counts"
    )
    variable_genes: int = setting(
        2000, "genes that differ most between cells, from which velocity genes are taken", 5, 5000
    )
    components: int = setting(30, "principal components of the spliced RNA, in which neighbors are searched", 2, 200)
    neighbors: int = setting(30, "nearest neighbors over which RNA is averaged", 2, 500, label="Neighbors")
    neighbors_in: Literal["spliced", "state"] = setting(
        "spliced",
        "where neighbors are searched; the state of the data set is right where it was corrected for batches",
        choice_labels={"spliced": "components of spliced RNA", "state": "state of the data set"},
        label="Search neighbors in",
    )
    min_r2: float = setting(
        0.01, "least R² of unspliced RNA over spliced RNA; -1 keeps every gene", -1.0, 1.0, label="Least R²"
    )
    min_slope: float = setting(
        0.01, "least slope of unspliced RNA over spliced RNA", 0.0, 10.0, label="Least slope γ/β"
    )
    values: Literal["counts", "normalised"] = setting(
        "counts",
        "what the layers hold; normalised values are taken as they are",
        choice_labels={"counts": "counts", "normalised": "normalised or simulated values"},
        label="Spliced and unspliced values",
    )
    if_mostly_unspliced: Literal["ask", "nuclei", "swapped"] = setting(
        "ask",
        "what to do where almost every gene has more unspliced than spliced RNA",
        choice_labels={"ask": "stop and ask", "nuclei": "these are nuclei", "swapped": "exchange the layers"},
        label="If most RNA is unspliced",
    )


class VelocityMoments(Step):
    """First moments as in scVelo (Bergen et al. 2020, doi 10.1038/s41587-020-0591-3); see preprocessing/moments.py."""

    title = "Velocity genes and moments"
    summary = (
        "For spliced and unspliced counts: chooses the genes that tell of RNA velocity, averages both kinds of RNA "
        "over neighbors, and makes them the axes. RNA velocity is estimated from this. No times are needed."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        on_progress("reading the layers")
        layers = self._layers(SplicingLayers.of(dataset))
        counts = settings.values == "counts"
        if counts and not layers.whole:
            raise ValueError(FRACTIONAL)
        shares = unspliced_shares(layers, data)
        states = data.x if settings.neighbors_in == "state" else None
        found = moments_of(layers, settings, counts, on_progress, states)
        on_progress("comparing the velocities of two halves of the counts")
        halves = halves_agreement(layers, found.genes, settings.components, settings.neighbors) if counts else None
        message = (
            f"kept {len(found.genes):,} of {len(layers.genes):,} genes as velocity genes and averaged their unspliced "
            f"and spliced {'counts, brought to the median total,' if counts else 'values'} over "
            f"{settings.neighbors} neighbors; {shares[0].share:.0%} of the RNA is unspliced"
            f"{_recurrence(halves)}"
        )
        return StepResult(
            in_moments(data, found, layers, halves),
            message,
            notes=unusual_shares(shares),
            views=_pictures(dataset),
            name="velocity genes",
            velocity_genes=found.table,
        )

    def _layers(self, layers: SplicingLayers) -> SplicingLayers:
        """The layers, exchanged where that was asked for. Raises ValueError where they may be the wrong way round."""
        choice = self.settings.if_mostly_unspliced
        if choice == "swapped":
            return layers.exchanged
        if choice == "ask" and layers.may_be_exchanged:
            raise ValueError(layers.may_be_exchanged)
        return layers


def in_moments(
    data: Snapshots, found: Moments, layers: SplicingLayers, halves: HalvesAgreement | None = None
) -> Snapshots:
    """The same cells with their moments as state. A velocity in other axes does not come along."""
    space = SplicingSpace.of(found.genes, found.unspliced, found.spliced)
    moved = dataclasses.replace(
        data,
        x=space.join(found.unspliced, found.spliced).astype(np.float32),
        space=space,
        velocity=None,
        spliced=found.spliced,
        unspliced=found.unspliced,
        spliced_squared=found.squared,
        spliced_unspliced=found.product,
    )
    moved = with_covariate(moved, SHARE, layers.share())
    if halves is None:
        return moved
    return with_covariate(with_covariate(moved, HALVES, halves.cosine), CHANCE, halves.chance)


def _recurrence(halves: HalvesAgreement | None) -> str:
    """In how many cells the velocity of one half of the counts is found again in the other."""
    if halves is None:
        return ""
    share = float((halves.chance < 0.05).mean())
    return f"; the velocity from half of the counts recurs in the other half in {share:.0%} of the cells (noise: 5%)"


def _pictures(dataset: Dataset) -> dict[str, Array]:
    """The pictures of the cells that the new axes would change: UMAP and the components of the expression."""
    found = {"umap": dataset.embedding("umap")} if "umap" in dataset.info.views else {}
    return found | ({"expression-pca": dataset.embedding("pca")} if dataset.info.space == "pca" else {})
