"""Runs of the models that came after version 0.5.0 open today and answer as they did.

`tests/stored/later.zip` is a workspace of commit b64f612 (2026-11-30): a run of every model of those families (6 steps
of 8 neurons, on the cells of `tests.contract.cells`), and in `expected.npz` what it answered.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store import open_dataset
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, DynamicsModel, HasCourses, HasLatentTime, HasVelocity
from cellflow_core.runs.index import open_run
from cellflow_core.runs.weights import load_model
from tests import STORED

LATER = STORED / "later.zip"
with zipfile.ZipFile(LATER) as held:
    RUNS = json.loads(held.read("runs.json"))
    with np.load(io.BytesIO(held.read("expected.npz")), allow_pickle=False) as found:
        EXPECTED = {name: found[name] for name in found.files}


@pytest.fixture
def workspace(home: Path) -> Path:
    with zipfile.ZipFile(LATER) as held:
        held.extractall(home.parent, [each for each in held.namelist() if each.startswith("home/")])
    return home


@torch.no_grad()
def answers(model: DynamicsModel, data: Snapshots) -> dict[str, np.ndarray]:
    """Courses, latent time and velocity, of a model that has them."""
    given, x = {}, torch.from_numpy(data.x)
    if isinstance(model, HasCourses):
        people = TrajectoryTensors.from_trajectories(Trajectories.from_snapshots(data), spec=model.spec)
        batch, times = people.take(slice(None), torch.Generator()), torch.tensor([1.0, 3.0, 4.5])
        given["courses"] = model.courses(batch, times, 8, torch.Generator().manual_seed(0)).numpy()
    if isinstance(model, HasLatentTime):
        given["latent_time"] = model.latent_time(x, Context()).numpy()
    if isinstance(model, HasVelocity):
        t = torch.full((8,), model.spec.times[0] if model.spec.times else 0.0)
        given["velocity"] = model.velocity(t, x[:8], Context()).numpy()
    return given


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_run_opens_and_answers_as_it_did(name: str, workspace: Path) -> None:
    run = open_run(RUNS[name])
    model = load_model(run)
    assert type(model) is registry.find(name)
    then = {key.partition(":")[2]: value for key, value in EXPECTED.items() if key.startswith(f"{name}:")}
    now = answers(model, open_dataset(run.recipe.dataset).snapshots())
    assert then.keys() <= now.keys()
    for key, value in then.items():
        np.testing.assert_allclose(now[key], value, rtol=1e-4, atol=1e-4, err_msg=key)
