"""Parameters of individuals behind what was measured of them, beside those of the population."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.courses.draws import TOGETHER, UNKNOWN, Models
from cellflow_core.analysis.courses.errors import BAND
from cellflow_core.analysis.results.individuals import IndividualParameters
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.contract import HasIndividualParameters

Array = np.ndarray
DRAWS = 300


def individual_parameters(models: Models, data: Trajectories, seed: int = 0) -> IndividualParameters:
    """Of all individuals from all that was measured of them; draws of several models, of other seeds, are pooled.

    Raises ValueError where a model has no parameters of individuals.
    """
    able = [each for each in models if isinstance(each, HasIndividualParameters)]
    if not able:
        raise ValueError(f"{models[0].title} has no parameters of individuals with a meaning of their own")
    given, before = (
        np.concatenate([_draws(each, data, until, DRAWS // len(able), seed) for each in able])
        for until in (float("inf"), UNKNOWN)
    )
    names = able[0].parameter_names
    unknown = np.full(len(data.subjects), np.nan)
    return IndividualParameters(
        names,
        data.subjects,
        np.moveaxis(np.quantile(given, BAND, axis=0), 0, 2).astype(float),
        np.quantile(before.reshape(-1, len(names)), BAND, axis=0).T.astype(float),
        np.stack([np.asarray(data.covariates.get(each, unknown), float) for each in names], axis=1),
        ("Bars hold 90 % of the draws that fit what was measured; the band behind them, those of someone of whom "
         "nothing was measured. A bar as wide as the band: these measurements tell nothing of the parameter.",),
    )  # fmt: skip


@torch.no_grad()
def _draws(
    model: HasIndividualParameters, data: Trajectories, until: float, draws: int, seed: int
) -> Float[Array, "draws individuals parameters"]:
    assert isinstance(model, torch.nn.Module)
    tensors = TrajectoryTensors.from_trajectories(data, model.device, model.spec)  # pyright: ignore[reportArgumentType]
    parts = []
    for start in range(0, len(data.subjects), TOGETHER):
        some = torch.arange(start, min(start + TOGETHER, len(data.subjects)), device=tensors.t.device)
        rng = torch.Generator(tensors.t.device).manual_seed(seed + start)
        parts.append(model.individual_parameters(tensors.take(some, rng).until(until), draws, rng).cpu().numpy())
    return np.concatenate(parts, axis=1)
