"""What an analysis of a trained run needs: its model, its data and its replicates, each read when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cellflow_core.runs.index import siblings
from cellflow_core.runs.run import Run

if TYPE_CHECKING:
    from cellflow_core.data.snapshots import Snapshots
    from cellflow_core.data.store import Dataset
    from cellflow_core.models.contract import DynamicsModel


@dataclass(frozen=True)
class RunContext:
    """What a question is asked about; each part is read when it is first needed.

    Raises ValueError where the data set is another than the one the run was trained on, KeyError where it is gone.
    """

    run: Run

    @cached_property
    def model(self) -> DynamicsModel:
        from cellflow_core.runs.weights import load_model

        return load_model(self.run)

    @cached_property
    def dataset(self) -> Dataset:
        from cellflow_core.data.store import open_dataset

        dataset = open_dataset(self.run.recipe.dataset, self.run.workspace)
        if dataset.info.fingerprint_for(self.run.recipe.settings) != self.run.recipe.fingerprint:
            raise ValueError(
                f"data set {dataset.info.label!r} has changed since run {self.run.label!r} was trained on it: "
                "train again to explore it"
            )
        return dataset

    @property
    def data(self) -> Snapshots:
        """All measured cells, those of a time held out too."""
        return self.dataset.snapshots()

    @cached_property
    def ensemble(self) -> tuple[DynamicsModel, ...]:
        """The model, those that it is made of, and its like with other seeds: their spread tells how sure it is."""
        from cellflow_core.runs.weights import load_model

        return (self.model, *self.model.members.values(), *(load_model(each) for each in replicates(self.run)))


def replicates(run: Run) -> tuple[Run, ...]:
    """The runs whose spread tells how sure an answer is: done, same model and settings, all times, other seeds."""
    mine = run.recipe

    def alike(other: Run) -> bool:
        its = other.recipe
        same = (its.model, its.settings, its.dataset, its.fingerprint) == (
            mine.model,
            mine.settings,
            mine.dataset,
            mine.fingerprint,
        )
        return same and its.training == mine.training and its.hold_out is None and its.seed != mine.seed

    return tuple(each for each in siblings(run) if alike(each) and each.status().state == "done")
