"""What an analysis of a trained run needs: its model, its data and its replicates, each read when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from cellflow_core.runs.index import siblings
from cellflow_core.runs.run import Run

if TYPE_CHECKING:
    from cellflow_core.analysis.courses.band_calibration import BandCalibration
    from cellflow_core.data.snapshots import Snapshots
    from cellflow_core.data.store import Dataset
    from cellflow_core.data.trajectories import Trajectories
    from cellflow_core.models.contract import DynamicsModel

Array = np.ndarray


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
        return _kept(self.run.dataset())

    @property
    def data(self) -> Snapshots:
        """All measured cells, those of a time held out too."""
        return self.dataset.snapshots()

    @cached_property
    def trajectories(self) -> Trajectories:
        """The measurements of individuals. Raises ValueError where the data are not of individuals."""
        from cellflow_core.data.trajectories import Trajectories

        return Trajectories.from_snapshots(self.data)

    @property
    def held_out_after(self) -> float:
        """The time after which nothing measured of individuals was trained on; infinite where all of it was."""
        after = self.run.recipe.hold_out_after
        return float("inf") if after is None else after

    @cached_property
    def history(self) -> Trajectories:
        """The measurements of individuals without those that were held out later."""
        from cellflow_core.data.train_validation_split import earlier_part

        after = self.run.recipe.hold_out_after
        return self.trajectories if after is None else earlier_part(self.trajectories, after)

    @cached_property
    def held_out_individuals(self) -> Int[Array, " individuals"]:
        """Numbers of the individuals that were kept from training, to monitor it."""
        from cellflow_core.data.train_validation_split import validation_split
        from cellflow_core.train.trainer import TrainConfig

        recipe = self.run.recipe
        training = TrainConfig.from_dict(dict(type(self.model).default_training) | dict(recipe.training))
        _, held = validation_split(self.history, training.validation_fraction, recipe.seed)
        return np.zeros(0, np.int64) if held is None else held.subjects

    def bands(self, variable: str) -> BandCalibration | None:
        """How the bands of forecasts are calibrated; None where they are as drawn."""
        from cellflow_core.analysis.courses.band_calibration import BandCalibration
        from cellflow_core.runs import bands

        found = bands.read(self.run).get(variable)
        return None if found is None else BandCalibration.from_dict(found)

    @cached_property
    def ensemble(self) -> tuple[DynamicsModel, ...]:
        """The model, those that it is made of, and its like with other seeds: their spread tells how sure it is."""
        from cellflow_core.runs.weights import load_model

        return (self.model, *_of_one_kind(self.model), *(load_model(each) for each in replicates(self.run)))

    @cached_property
    def copies(self) -> tuple[tuple[DynamicsModel, float], ...]:
        """Copies of the model that were trained without one time, and that time: they tell how wrong it is there."""
        from cellflow_core.runs.weights import load_model

        return tuple((load_model(each), float(each.recipe.hold_out or 0.0)) for each in held_out_copies(self.run))


_LAST: dict[tuple[Any, ...], Dataset] = {}
"""The data set of the last question of this process: most questions are asked of one again and again."""


def _kept(dataset: Dataset) -> Dataset:
    """The same data set with the arrays that were read of it, where it is that of the last question."""
    files = (dataset.folder / "info.json", dataset.folder / "snapshots.npz")
    stamps = (each.stat().st_mtime_ns if each.exists() else 0 for each in files)
    key = (dataset.folder, *stamps)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = dataset
    return _LAST[key]


def _of_one_kind(model: DynamicsModel) -> tuple[DynamicsModel, ...]:
    """The models that it is made of and that answer as it does: not the plans that a chain of transitions uses."""
    from cellflow_core.models.contract import capabilities

    return tuple(each for each in model.members.values() if capabilities(each) & capabilities(model))


def replicates(run: Run) -> tuple[Run, ...]:
    """The runs whose spread tells how sure an answer is: done, same model and settings, all times, other seeds."""
    return tuple(each for each in _alike(run) if each.recipe.hold_out is None and each.recipe.seed != run.recipe.seed)


def held_out_copies(run: Run) -> tuple[Run, ...]:
    """Runs of the same model and settings that are done and were trained without a time; none for such a run itself,
    whose held-out time they were trained on."""
    if run.recipe.hold_out is not None:
        return ()
    return tuple(each for each in _alike(run) if each.recipe.hold_out is not None)


def _alike(run: Run) -> tuple[Run, ...]:
    """The runs submitted with this one that are done and share model, settings, training and data."""

    def shared(of: Run) -> tuple[Any, ...]:
        recipe = of.recipe
        return (
            recipe.model,
            recipe.settings,
            recipe.dataset,
            recipe.fingerprint,
            recipe.training,
            recipe.hold_out_after,
        )

    return tuple(each for each in siblings(run) if shared(each) == shared(run) and each.status().state == "done")
