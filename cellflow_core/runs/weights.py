"""The trained model of a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cellflow_core import aliases
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.runs import files
from cellflow_core.runs.run import Run

if TYPE_CHECKING:
    from cellflow_core.models.contract import DynamicsModel


def load_model(run: Run, device: str = "cpu") -> DynamicsModel:
    """The model with its final weights, ready for questions. Needs no data.

    Raises ValueError, with a sentence, where the run has no final weights or they are damaged.
    """
    from cellflow_core.models import registry
    from cellflow_core.train import checkpoint

    state = run.status().state
    if state != "done":
        raise ValueError(f"run {run.id} has no trained model: it is {state}")
    recipe = run.recipe
    model = registry.create(recipe.model, recipe.settings, run.spec, recipe.seed, device)
    try:
        model.load_state_dict(aliases.weights(recipe.model, checkpoint.read(run.weights, device)))
    except FileNotFoundError as error:
        raise ValueError(f"the weights of run {run.id} are gone: train it again") from error
    return model.eval()


def save_model(run: Run, model: DynamicsModel) -> None:
    """Write the final weights, whole or not at all."""
    from cellflow_core.train import checkpoint

    checkpoint.write(run.weights, model.state_dict())


def settle_spec(run: Run, spec: DataSpec) -> DataSpec:
    """What the model is built from: as the first attempt wrote it, else this one, which is written. So a run goes on
    with the clock that its checkpoints were trained on."""
    if not run.has_spec:
        files.write_json(run.folder / "spec.json", dataclasses.asdict(spec))
    return run.spec
