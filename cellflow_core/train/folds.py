"""Copies of a model that were trained without one part of the individuals each, to tell how wrong it is of new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cellflow_core.data.train_validation_split import folds_of, validation_split
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.train.trainer import Report, TrainConfig, fit


def without_folds(
    make: Callable[[], DynamicsModel], data: Trajectories, config: TrainConfig, count: int, report: Report, seed: int
) -> Iterator[tuple[DynamicsModel, Trajectories]]:
    """(copy, the individuals that it was trained without) for each of `count` folds of the training individuals, drawn
    with `seed`; those of the validation are in no fold and in no training. make: a new model, the same each time."""
    train, _ = validation_split(data, config.validation_fraction, seed)
    alone = TrainConfig.from_dict(config.as_dict() | {"validation_fraction": 0.0})
    for held in folds_of(train.subjects, count, seed):
        model = make()
        fit(model, train.take(np.setdiff1d(train.subjects, held)), alone, report, seed=seed)
        model.eval()
        yield model, train.take(held)
