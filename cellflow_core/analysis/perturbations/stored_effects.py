"""Measured effects of a stored data set, worked out once and kept beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from cellflow_core.analysis.perturbations.measured_effects import Genes, measured_effects
from cellflow_core.analysis.perturbations.perturbation_groups import free_annotations, likely_batch
from cellflow_core.analysis.results import MeasuredEffects
from cellflow_core.data.store import Dataset, open_dataset

VERSION = 3
"""Part of the name of every stored answer: one more whenever it would be another than before."""


def effects_of(
    dataset_id: str,
    batch: str | None = None,
    annotation: str = "",
    on_progress: Callable[[str], None] = lambda stage: None,
) -> MeasuredEffects:
    """Measured effects of the perturbations of a data set, from its measured genes, else from the axes of its state.

    batch  annotation within whose values cells are compared, "" for none; None: one that is named like a batch, if any

    Raises KeyError where there is no such data set, ValueError, with a sentence, where it has nothing to compare.
    """
    dataset = open_dataset(dataset_id)
    if batch is None:
        batch = likely_batch(dataset.snapshots())
    settings = json.dumps([VERSION, dataset.info.version, batch, annotation])
    path = dataset.folder / "measured_effects" / f"{hashlib.sha256(settings.encode()).hexdigest()[:20]}.npz"
    if path.exists():
        return MeasuredEffects.load(path)
    found = measured_effects(
        dataset.snapshots(), _genes(dataset), batch=batch, annotation=annotation, on_progress=on_progress
    )
    path.parent.mkdir(exist_ok=True)
    found.save(path)
    return found


def _genes(dataset: Dataset) -> Genes | None:
    measured = dataset.measured
    return Genes(measured.table(), tuple(measured.genes), "expression") if measured.genes else None


def options_of(dataset_id: str) -> tuple[tuple[str, ...], str]:
    """(annotations that can be batches or groups, the one that is named like a batch or ""). KeyError as above."""
    data = open_dataset(dataset_id).snapshots()
    return free_annotations(data), likely_batch(data)
