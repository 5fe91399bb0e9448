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
from cellflow_core.time_units import format_duration

Array = np.ndarray
DRAWS = 300
MOST_NAMED = 3
"""Parameters of which it is told how much they move a variable."""
BARS = (
    "Bars hold 90 % of the draws that fit what was measured; the band behind them, those of someone of whom nothing "
    "was measured. A bar as wide as the band: these measurements tell nothing of the parameter."
)

EARLIER = "Later measurements were kept from training: those used are until"


def individual_parameters(
    models: Models, data: Trajectories, seed: int = 0, after: float = float("inf")
) -> IndividualParameters:
    """Of all individuals from all that was measured of them; draws of several models, of other seeds, are pooled.

    after  time after which measurements were kept from training: what was measured until then is used

    Raises ValueError where a model has no parameters of individuals.
    """
    able = [each for each in models if isinstance(each, HasIndividualParameters)]
    if not able:
        raise ValueError(f"{models[0].title} has no parameters of individuals with a meaning of their own")
    given, before = (
        np.concatenate([_draws(each, data, until, DRAWS // len(able), seed) for each in able])
        for until in (after, UNKNOWN)
    )
    names = able[0].parameter_names
    kept = () if np.isinf(after) else (f"{EARLIER} {format_duration(after, data.time_unit)}.",)
    notes = (BARS, *kept, *_sensitivity(able[0], data))
    unknown = np.full(len(data.subjects), np.nan)
    return IndividualParameters(
        names,
        data.subjects,
        np.moveaxis(np.quantile(given, BAND, axis=0), 0, 2).astype(float),
        np.quantile(before.reshape(-1, len(names)), BAND, axis=0).T.astype(float),
        np.stack([np.asarray(data.covariates.get(each, unknown), float) for each in names], axis=1),
        notes,
    )


def _sensitivity(model: HasIndividualParameters, data: Trajectories) -> tuple[str, ...]:
    """For each variable, which parameters move it most, over all individuals and times: a sentence."""
    assert isinstance(model, torch.nn.Module)
    tensors = TrajectoryTensors.from_trajectories(data, model.device, model.spec)  # pyright: ignore[reportArgumentType]
    some = torch.arange(min(len(data.subjects), TOGETHER), device=tensors.t.device)
    found = model.sensitivity(tensors.take(some, torch.Generator(tensors.t.device)), tensors.t.unique())
    if found is None:
        return ()
    sizes = found.square().mean(dim=(0, 1)).sqrt().cpu().numpy()
    sentences = []
    for variable, size in zip(data.variables, sizes, strict=True):
        order = np.argsort(-size, kind="stable")[:MOST_NAMED]
        moved = ", ".join(f"{size[k]:.3g} with {model.parameter_names[k]}" for k in order)
        sentences.append(f"A standard deviation of a parameter moves {variable} most by {moved} (root mean square).")
    return tuple(sentences)


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
