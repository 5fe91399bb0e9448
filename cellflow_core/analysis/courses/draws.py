"""Draws of the courses of individuals from a model, as arrays: at common times, or where each one was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses

Array = np.ndarray

TOGETHER = 16
"""Individuals that a model is asked about at once: they share the times asked for."""
UNKNOWN = float("-inf")
"""The end of the history of an individual of whom nothing was measured: what is asked for is the population."""


@dataclass(frozen=True)
class Courses:
    """Draws of the variables of individuals, in the data's own units.

    true      without residual error, [draws, n, times, variables] or [draws, rows, variables]
    measured  with it
    """

    true: Float[Array, "draws ..."]
    measured: Float[Array, "draws ..."]


Models = Sequence[DynamicsModel]
"""One model, or it and its like with other seeds, which share the draws."""


def at_times(
    models: Models, data: Trajectories, times: Float[Array, " times"], until: float, draws: int, seed: int = 0
) -> Courses:
    """All individuals of `data`, in the order of `subjects`, at common ascending times.

    until  end of the history that is used; `UNKNOWN`: none. Doses of `data` are the plan, also those after it
    seed   the same draws for the same seed and individuals, whatever the doses
    Raises ValueError where a model does not know the courses of individuals.
    """
    parts = [
        _asked(models, batch, times, until, draws, seed + k) for k, (_, batch) in enumerate(_batches(models, data))
    ]
    return Courses(*(np.concatenate([getattr(each, kind) for each in parts], axis=1) for kind in ("true", "measured")))


def at_rows(
    models: Models, data: Trajectories, until: float | Float[Array, " subjects"], draws: int, seed: int = 0
) -> Courses:
    """Each individual at its own times: [draws, rows, variables], rows as in `data`.

    until  end of the history that is used, one for all or one each, in the order of `subjects`
    """
    member = np.searchsorted(data.subjects, data.subject)
    true = np.empty((draws, *data.x.shape), np.float32)
    measured = np.empty_like(true)
    for k, (subjects, batch) in enumerate(_batches(models, data)):
        rows = np.flatnonzero(np.isin(member, subjects))
        times = np.unique(data.t[rows].astype(np.float32))
        end = np.broadcast_to(np.asarray(until, float), len(data.subjects))[subjects]
        found = _asked(models, batch, times, end, draws, seed + k)
        at = (slice(None), member[rows] - subjects[0], np.searchsorted(times, data.t[rows].astype(np.float32)))
        true[:, rows], measured[:, rows] = found.true[at], found.measured[at]
    return Courses(true, measured)


def _batches(models: Models, data: Trajectories) -> Iterator[tuple[Int[Array, " some"], TrajectoryBatch]]:
    """A few individuals at a time: (their places in `subjects`, batch)."""
    for model in models:
        if not isinstance(model, HasCourses):
            raise ValueError(f"{model.title} does not know the course of individuals: choose a longitudinal model")
    first = models[0]
    tensors = TrajectoryTensors.from_trajectories(data, first.device, first.spec)
    for start in range(0, len(data.subjects), TOGETHER):
        some = np.arange(start, min(start + TOGETHER, len(data.subjects)))
        yield some, tensors.take(torch.from_numpy(some).to(first.device), torch.Generator(first.device))


def _asked(
    models: Models,
    batch: TrajectoryBatch,
    times: Array,
    until: float | Float[Array, " batch"],
    draws: int,
    seed: int,
) -> Courses:
    """Draws of every model in turn; `draws` altogether."""
    shares = [len(each) for each in np.array_split(np.arange(draws), len(models))]
    end = torch.as_tensor(np.asarray(until, np.float32), device=batch.t.device)
    history = batch.until(end)
    asked = torch.as_tensor(np.asarray(times, np.float32), device=batch.t.device)
    true, measured = [], []
    for model, share in zip(models, shares, strict=True):
        if not isinstance(model, HasCourses) or not share:
            continue
        rng = torch.Generator(model.device).manual_seed(seed)
        with torch.no_grad():
            found = model.courses(history, asked, share, rng)
            true.append(found.cpu().numpy())
            measured.append(model.measured(found, rng).cpu().numpy())
    return Courses(np.concatenate(true), np.concatenate(measured))
