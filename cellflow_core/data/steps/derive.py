"""Apply a step to a stored data set: annotations are added to it, anything else is stored as a new data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cellflow_core.data.preprocessing import neighbor_graph, reconstruction, velocity_genes
from cellflow_core.data.steps import registry
from cellflow_core.data.steps.contract import OnProgress, StepResult
from cellflow_core.data.steps.velocity import given_velocity
from cellflow_core.data.store import add_view, cell_names, group_colours, open_dataset, require, save_dataset
from cellflow_core.data.store.annotation_layers import add_annotations, for_child, new_annotations
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.workspace import current

Array = np.ndarray


def derive(
    dataset_id: str, name: str, settings: Mapping[str, object], on_progress: OnProgress = lambda stage: None
) -> str:
    """Take a step from a stored data set, store what comes of it, and return the new id. The parent stays as it is.

    A step that only adds annotations adds them to the data set itself, whose id is returned: its runs stay its own.
    Where the data set is another person's, it becomes a new one of the owner of the workspace.

    Raises KeyError where there is no such data set or step, ValueError where the step cannot be taken, NotAllowedError
    where the data set was shared for looking only.
    """
    require("copy", dataset_id)
    parent = open_dataset(dataset_id)
    step = registry.create(name, settings)
    change = step.apply(parent, on_progress)
    on_progress("storing the cells")
    return store_result(parent, change, {"step": name, "settings": step.settings.as_dict()})


def use_velocity(dataset_id: str, values: Array, source: str) -> str:
    """Store a data set with the velocity that an estimator gave [cells, dim] or [cells, genes of the state]; its id.

    source  what a person calls the estimator. Raises ValueError, with a sentence, where the velocity does not fit.
    """
    require("copy", dataset_id)
    parent = open_dataset(dataset_id)
    settings = registry.create("velocity", {"source": source}).settings.as_dict()
    return store_result(parent, given_velocity(parent, values, source), {"step": "velocity", "settings": settings})


def store_result(parent: Dataset, change: StepResult, entry: Mapping[str, object]) -> str:
    """Store what a step made of a data set and return the id; entry: the step and its settings, for the recipe."""
    kept, data = change.kept, change.snapshots
    sentence = change.message[:1].upper() + change.message[1:]
    own = current().allows("own", parent.folder)
    added = new_annotations(parent.snapshots(), data) if kept is None and own else None
    if added is not None:
        add_annotations(parent, *added, entry, sentence, change.notes)
        for view, points in change.views.items():
            add_view(parent.info.id, view, points)
        return parent.info.id
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
    names = cell_names.read(parent)
    made = save_dataset(
        data,
        label=_label(parent.info.label, change.name or str(entry["step"])),
        origin=parent.info.origin if parent.info.origin != "demo" else "upload",
        source=parent.info.source,
        steps=(*parent.info.steps, sentence),
        notes=tuple(dict.fromkeys((*parent.info.notes, *change.notes))),
        expression=measured.table()[rows],
        expression_genes=measured.genes,
        gene_ids=measured.ids,
        contents=parent.info.contents,
        colours=group_colours.read(parent),
        layers={each: parent.layer(each).table()[rows] for each in parent.info.layers},
        recipe=(*for_child(parent.info.recipe), entry),
        parent=parent.info.id,
        views={**carried, **change.views},
        variance=parent.variance() if data.space is before.space else change.variance,
        cell_names=names if kept is None or not names else np.array(names, dtype=object)[rows].tolist(),
        truth=parent.info.truth if known else "",
        truth_settings=parent.info.truth_settings if known else {},
    )
    _store_beside(parent, open_dataset(made).folder, change, same_graph=kept is None and same_states)
    return made


def _store_beside(parent: Dataset, folder: Path, change: StepResult, same_graph: bool) -> None:
    """What is stored with a data set besides its cells: what the step found, or what still holds of the parent."""
    same_space = change.snapshots.space is parent.snapshots().space
    if same_graph:
        neighbor_graph.copy_to_child(parent.folder, folder)
    if change.reconstruction is not None:
        reconstruction.save(change.reconstruction, folder)
    elif same_space:
        reconstruction.hand_down(parent.folder, folder)
    if change.velocity_genes is not None:
        change.velocity_genes.save(folder)
    elif same_space:
        velocity_genes.copy_genes(parent.folder, folder)


def _label(parent: str, name: str, longest: int = 80) -> str:
    """Name of the parent and what was done, the parent's cut short rather than the step's."""
    end = f" · {name}"
    return (parent if len(parent) + len(end) <= longest else parent[: longest - len(end) - 1] + "…") + end
