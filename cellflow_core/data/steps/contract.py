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
from cellflow_core.data.preprocessing import neighbors, reconstruction
from cellflow_core.data.preprocessing.reconstruction import Reconstruction
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.data.store.store import open_dataset, save_dataset

Array = np.ndarray
Say = Callable[[str], None]


@dataclass(frozen=True)
class StepResult:
    """What a step made.

    snapshots  the new cells
    said       what was done, one sentence, with its numbers: it joins the list of steps
    kept       which cells of the parent these are, mask [cells of the parent]; None: all, in the same order
    notes      what a reader of any later view must know
    views      further 2-D pictures of the new cells, by name in lower case, each [cells, 2]
    name       a word or two that join the name of the data set; empty: the name of the step
    variance   share of the variance of the genes that each axis carries, [dim], where the axes are new
    read_back  how well genes are read from the state, where the axes are new; else that of the parent holds on
    """

    snapshots: Snapshots
    said: str
    kept: Array | None = None
    notes: tuple[str, ...] = ()
    views: Mapping[str, Array] = field(default_factory=dict)
    name: str = ""
    variance: Array | None = None
    reconstruction: Reconstruction | None = None


class Step(ABC):
    """One way to go on from a data set. Its module holds a `Settings(Config)`, named as `Config` here.

    title    what a page calls it, a verb first; summary: when it is meaningful, in one or two sentences
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, settings: Config | None = None) -> None:
        self.settings = self.Config() if settings is None else settings

    @abstractmethod
    def apply(self, dataset: Dataset, say: Say) -> StepResult:
        """Do it. `say` tells the stage. Raises ValueError or KeyError with one sentence where it cannot be done."""


def derive(dataset_id: str, name: str, settings: Mapping[str, object], say: Say = lambda stage: None) -> str:
    """Take a step from a stored data set, store what comes of it, and return the new id. The parent stays as it is.

    Raises KeyError where there is no such data set or step, ValueError where the step cannot be taken.
    """
    from cellflow_core.data.steps import registry

    parent = open_dataset(dataset_id)
    step = registry.create(name, settings)
    change = step.apply(parent, say)
    say("storing the cells")
    kept, data = change.kept, change.snapshots
    before = parent.snapshots() if kept is None else parent.snapshots().take(kept)
    same_states = np.array_equal(data.x, before.x)
    carried = {each: parent.embedding(each) for each in parent.info.views if each != "pca"}
    if kept is not None:
        carried = {each: points[kept] for each, points in carried.items()}
    if not same_states:
        carried.pop("umap", None)  # it was made from axes that are others now
    known = kept is None and same_states and np.array_equal(data.t, before.t)
    measured = parent.measured
    rows = slice(None) if kept is None else np.flatnonzero(kept)
    made = save_dataset(
        data,
        label=_label(parent.info.label, change.name or name),
        origin=parent.info.origin if parent.info.origin != "demo" else "upload",
        source=parent.info.source,
        steps=(*parent.info.steps, change.said[:1].upper() + change.said[1:]),
        notes=tuple(dict.fromkeys((*parent.info.notes, *change.notes))),
        expression=measured.table()[rows],
        expression_genes=measured.genes,
        layers={each: parent.layer(each).table()[rows] for each in parent.info.layers},
        recipe=(*parent.info.recipe, {"step": name, "settings": step.settings.as_dict()}),
        parent=parent.info.id,
        views={**carried, **change.views},
        variance=parent.variance() if data.space is before.space else change.variance,
        truth=parent.info.truth if known else "",
        truth_settings=parent.info.truth_settings if known else {},
    )
    folder = open_dataset(made).folder
    if kept is None and same_states:
        neighbors.copy_to_child(parent.folder, folder)
    if change.reconstruction is not None:
        reconstruction.save(change.reconstruction, folder)
    elif data.space is before.space:
        reconstruction.hand_down(parent.folder, folder)
    return made


def _label(parent: str, name: str, longest: int = 80) -> str:
    """Name of the parent and what was done, the parent's cut short rather than the step's."""
    end = f" · {name}"
    return (parent if len(parent) + len(end) <= longest else parent[: longest - len(end) - 1] + "…") + end


def with_covariate(data: Snapshots, name: str, values: Array) -> Snapshots:
    """The same cells with one more annotation in numbers, [cells]."""
    return dataclasses.replace(data, covariates={**data.covariates, name: np.asarray(values, dtype=np.float64)})


def with_label(data: Snapshots, name: str, values: Array) -> Snapshots:
    """The same cells with one more annotation in words, [cells]."""
    return dataclasses.replace(data, labels={**data.labels, name: np.asarray(values, dtype=np.str_)})
