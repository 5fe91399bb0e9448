"""Spliced and unspliced values of a data set: are they fit for RNA velocity, and how much is unspliced?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.time_units import format_duration

Array = np.ndarray
UNUSUAL = 0.5
"""Share of unspliced RNA above which cells are unlikely: nuclei hold little spliced RNA."""
SWAPPED = 0.9
"""Share of the genes with more unspliced than spliced RNA above which the layers may be exchanged."""
MOST_GROUPS = 60
"""An annotation with more values is no grouping."""
COUNTED_BY = "velocyto, STARsolo Velocyto, alevin-fry USA or kallisto nac"
FRACTIONAL = (
    "spliced and unspliced values are no whole numbers, so they were normalised or smoothed before: give the counts, "
    "or choose “normalised” under “Spliced and unspliced values” of the step “Velocity genes and moments” to take them "
    "as they are"
)
"""What is asked where values are no counts."""


@dataclass(frozen=True)
class SplicingLayers:
    """Values [cells, genes] of both kinds of RNA, each numpy or scipy.sparse CSC, and the names of the genes."""

    unspliced: Any
    spliced: Any
    genes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ValueError, with a sentence, for values that no count or normalised count can be."""
        shapes = {name: getattr(self, name).shape for name in ("unspliced", "spliced")}
        cells = self.spliced.shape[0]
        if len(set(shapes.values())) > 1 or shapes["spliced"] != (cells, len(self.genes)):
            found = " and ".join(f"{name} {rows:,} x {columns:,}" for name, (rows, columns) in shapes.items())
            raise ValueError(
                f"the layers are {found} for {len(self.genes):,} genes: both must be cells x genes of the same cells "
                "and genes, so import a file in which they are"
            )
        for name in shapes:
            values = held(getattr(self, name))
            if not np.isfinite(values).all():
                raise ValueError(f"the layer {name!r} has missing or infinite values: count the reads again")
            if values.size and values.min() < 0:
                raise ValueError(
                    f"the layer {name!r} goes down to {values.min():.3g}, and no count is below zero: use the layers "
                    "as they were counted, before scaling"
                )
            if not values.any():
                raise ValueError(
                    f"the layer {name!r} is zero everywhere, and RNA velocity needs both kinds of RNA: count the reads "
                    f"again with introns, for example by {COUNTED_BY}"
                )

    @classmethod
    def of(cls, dataset: Dataset) -> SplicingLayers:
        """Those stored with a data set. Raises ValueError, with a sentence, where one is missing."""
        missing = [each for each in ("spliced", "unspliced") if each not in dataset.info.layers]
        if missing:
            raise ValueError(
                f"{dataset.info.label!r} has no layer {' and no layer '.join(map(repr, missing))}: RNA velocity needs "
                f"spliced and unspliced counts, so import a file with both, as {COUNTED_BY} count them"
            )
        return cls(dataset.layer("unspliced").table(), dataset.layer("spliced").table(), dataset.layer("spliced").genes)

    @property
    def whole(self) -> bool:
        """Are all values whole numbers, as counts are?"""
        every = (held(each) for each in (self.unspliced, self.spliced))
        return all(bool((values == np.round(values)).all()) for values in every)

    @property
    def exchanged(self) -> SplicingLayers:
        """With the two kinds of RNA the other way round."""
        return SplicingLayers(self.spliced, self.unspliced, self.genes)

    @property
    def mostly_unspliced(self) -> float:
        """Share of the genes with any RNA that have more unspliced than spliced RNA, 0 to 1."""
        u, s = totals(self.unspliced, 0), totals(self.spliced, 0)
        return float((u > s)[u + s > 0].mean())

    @property
    def may_be_exchanged(self) -> str:
        """What must be asked where almost every gene has more unspliced than spliced RNA, "" elsewhere."""
        share = self.mostly_unspliced
        if share <= SWAPPED:
            return ""
        return (
            f"{share:.0%} of the genes have more unspliced than spliced RNA, as in nuclei or where the two layers are "
            "exchanged: say “these are nuclei” or “exchange the layers” under “If most RNA is unspliced” of the step "
            "“Velocity genes and moments”"
        )

    @property
    def question(self) -> str:
        """What the step of moments will ask of a person, "" where nothing is open."""
        return self.may_be_exchanged if self.whole else FRACTIONAL

    def share(self) -> Float[Array, " cells"]:
        """Share of the RNA of each cell that is unspliced, 0 to 1; NaN in a cell without any."""
        u, s = totals(self.unspliced, 1), totals(self.spliced, 1)
        return np.divide(u, u + s, out=np.full(len(u), np.nan), where=u + s > 0)


def lacking_moments(dataset: Dataset) -> str:
    """Why a data set has no velocity genes: its layers do not fit, something must be asked, or the step is still to be
    taken; one sentence that says what to do."""
    try:
        layers = SplicingLayers.of(dataset)
    except ValueError as error:
        return str(error)
    yet = f"{dataset.info.label!r} has spliced and unspliced counts and no velocity genes yet"
    return layers.question or f"{yet}: take the step “Velocity genes and moments” first"


@dataclass(frozen=True)
class UnsplicedShare:
    """Share of the RNA of some cells that is unspliced, 0 to 1.

    annotation, group  which cells, such as ("cell type", "Beta"); ("time", "2 days"); ("", "all cells")
    """

    annotation: str
    group: str
    cells: int
    share: float


def unspliced_shares(layers: SplicingLayers, data: Snapshots) -> tuple[UnsplicedShare, ...]:
    """Of all cells, of each time where there are several, and of each group of every annotation."""
    u, s = totals(layers.unspliced, 1), totals(layers.spliced, 1)

    def of(annotation: str, group: str, cells: Any) -> UnsplicedShare:
        whole = float((u[cells] + s[cells]).sum())
        share = float(u[cells].sum()) / whole if whole > 0 else float("nan")
        return UnsplicedShare(annotation, group, len(u[cells]), share)

    found = [of("", "all cells", slice(None))]
    if len(data.times) > 1:
        found += [of("time", format_duration(float(time), data.time_unit), data.t == time) for time in data.times]
    for name, values in data.labels.items():
        groups = np.unique(np.asarray(values))
        if 1 < len(groups) <= MOST_GROUPS:
            found += [of(name, str(each), np.asarray(values) == each) for each in groups]
    return tuple(found)


def unusual_shares(shares: tuple[UnsplicedShare, ...]) -> tuple[str, ...]:
    """A note that asks for nuclei where more than half of the RNA is unspliced; none where all is usual."""
    whole, *parts = shares
    if whole.share > UNUSUAL:
        return (
            f"{whole.share:.0%} of the RNA is unspliced: cells or nuclei? Whole cells have 10 to 40 %; in nuclei the "
            "spliced RNA is not that of the cell, and velocities are often reversed.",
        )
    high = [each for each in parts if each.share > UNUSUAL]
    if not high:
        return ()
    named = ", ".join(f"{each.annotation} {each.group} ({each.share:.0%})" for each in high[:5])
    more = f" and {len(high) - 5} more" if len(high) > 5 else ""
    return (
        f"More than half of the RNA is unspliced in {named}{more}: cells or nuclei? If these are other samples than "
        "the rest, estimate their velocity apart.",
    )


def totals(x: Any, axis: int) -> Float[Array, " n"]:
    """Sums over cells (axis 0) or over genes (axis 1) of a numpy or scipy.sparse table."""
    return np.asarray(x.sum(axis=axis, dtype=np.float64)).ravel()


def held(x: Any) -> Array:
    """The values of a table that are stored: of a sparse one without the zeros."""
    return x if isinstance(x, np.ndarray) else x.data
