"""One step: a data set and some settings in, a new data set out, with the step in its recipe and its parent named.

A step is a file of this folder with one `Step` class. Nothing is changed in place: undoing is going to the parent.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from cellflow_core.config import Config
from cellflow_core.data.preprocessing.reconstruction import Reconstruction
from cellflow_core.data.preprocessing.velocity_genes import VelocityGenes
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class StepResult:
    """What a step made.

    snapshots  the new cells
    message       what was done, one sentence, with its numbers: it joins the list of steps
    kept       which cells of the parent these are, mask [cells of the parent]; None: all, in the same order
    notes      what a reader of any later view must know
    views      further 2-D pictures of the new cells, by name in lower case, each [cells, 2]
    name       a word or two that join the name of the data set; empty: the name of the step
    variance   share of the variance of the genes that each axis carries, [dim], where the axes are new
    reconstruction  how well genes are read from the state, where the axes are new; else that of the parent holds on
    velocity_genes  which genes tell of RNA velocity, where that was found out; else that of the parent holds on
    """

    snapshots: Snapshots
    message: str
    kept: Array | None = None
    notes: tuple[str, ...] = ()
    views: Mapping[str, Array] = field(default_factory=dict)
    name: str = ""
    variance: Array | None = None
    reconstruction: Reconstruction | None = None
    velocity_genes: VelocityGenes | None = None


class Step(ABC):
    """One step that derives a data set from another. Its module holds a `Settings(Config)`, named as `Config` here.

    title    what a page calls it, a verb first; summary: when it is meaningful, in one or two sentences
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, settings: Config | None = None) -> None:
        self.settings = self.Config() if settings is None else settings

    @abstractmethod
    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        """Do it; `on_progress` gets each stage in words. Raises ValueError or KeyError where it cannot be done."""


def with_covariate(data: Snapshots, name: str, values: Array) -> Snapshots:
    """The same cells with one more annotation in numbers, [cells]."""
    return dataclasses.replace(data, covariates={**data.covariates, name: np.asarray(values, dtype=np.float64)})


def with_label(data: Snapshots, name: str, values: Array) -> Snapshots:
    """The same cells with one more annotation in words, [cells]."""
    return dataclasses.replace(data, labels={**data.labels, name: np.asarray(values, dtype=np.str_)})
