"""What a model may need of the data: asked of the data, never worked out from their shape."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum


class DataRequirement(StrEnum):
    """What a model or a view may need, in the words in which the lack of it is said."""

    TIME = "a time of each cell"
    TIMES = "cells at two or more times"
    HOLD_OUT = "cells at three or more times"
    GENES = "a map from the state to genes"
    GENE_AXES = "genes as its axes (the axes “genes” that the Data page offers)"
    VELOCITY = "an RNA velocity of each cell"
    MASS = "the number of cells at each time"
    LINEAGE = "lineage barcodes"
    GROWTH = "a growth rate of each cell"
    SUBJECTS = "the same individuals followed over time"
    DOSE = "the doses each cell or individual was given"
    COVARIATES = "numbers that are known of each individual (covariates)"
    MODALITY = "a second modality of the same cells (chromatin, proteins ...)"
    COUNTS = "a state that decodes to counts (the autoencoder of counts among the axes that the Data page offers)"
    SPLICING = "spliced and unspliced counts of each cell"
    MOMENTS = "unspliced and spliced RNA of velocity genes as its axes (the step “Velocity genes and moments”)"
    SECOND_MOMENTS = "second moments of spliced RNA (take the step “Velocity genes and moments” again)"
    LABELLING = "new (labelled) and total RNA as its axes (the step “New RNA and moments”)"
    NETWORK = "a prior network of its genes (the step “Add a prior network”)"
    PERTURBATION = "a perturbation design (which target was perturbed in each cell)"


def of_times(count: int) -> frozenset[DataRequirement]:
    """The requirements that a number of distinct times meets."""
    least = {DataRequirement.TIME: 1, DataRequirement.TIMES: 2, DataRequirement.HOLD_OUT: 3}
    return frozenset(need for need, enough in least.items() if count >= enough)


def unmet(needs: Iterable[str], has: Iterable[str]) -> tuple[str, ...]:
    """The requirements that data with `has` do not meet, in a fixed order."""
    return tuple(sorted(set(needs) - set(has)))


def row_word(has: Collection[str]) -> str:
    """What was measured at one time, by what data have: a cell, or a sample of an individual."""
    return "sample" if DataRequirement.SUBJECTS in has else "cell"
