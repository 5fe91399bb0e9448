"""A small data set and a small recipe, for tests of runs and jobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.data.store import open_dataset, save_dataset
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run

SMALL = {"width": 8, "depth": 1}


def drifting(times: int = 3, cells: int = 60) -> Snapshots:
    """A cloud in two dimensions that moves to the right."""
    rng = np.random.default_rng(0)
    t = np.repeat(np.arange(times, dtype=float), cells)
    x = rng.normal(0.0, 0.3, (times * cells, 2)) + np.stack([2.0 * t, np.zeros_like(t)], axis=1)
    return Snapshots(x.astype(np.float32), t, AffineSpace.coordinates(("a", "b")), "day")


def counted() -> NeuralSpace:
    """Three axes that decode to counts of two genes."""
    rng = np.random.default_rng(0)
    encoder, decoder = (((rng.normal(size=(a, 3)) / 100, np.zeros(3)),) for a in (2, 3))
    return NeuralSpace("vae", ("a", "b", "c"), ("A", "B"), encoder, decoder, "rate", dispersion=np.ones(2))


def stored(data: Snapshots | None = None, label: str = "drifting") -> str:
    """Id of the stored data set."""
    return save_dataset(data or drifting(), label=label, origin="upload", source="made here")


def recipe(dataset: str, **changes: Any) -> Recipe:
    """A few steps of a small I-CFM."""
    known: dict[str, Any] = {
        "model": "i-cfm",
        "dataset": dataset,
        "fingerprint": open_dataset(dataset).info.fingerprint,
        "settings": SMALL,
        "training": {"steps": 40, "batch_size": 16, "log_every": 10},
        "device": "cpu",
    }
    return Recipe(**(known | changes))


_SESSION = TemporaryDirectory(prefix="cellflow-tests-")


def built_once(key: str, folder: Path, build: Callable[[], object]) -> None:
    """`build` fills `folder` at the first call of a session with this key; later calls copy what it left there."""
    kept = Path(_SESSION.name) / sha256(key.encode()).hexdigest()
    if kept.exists():
        shutil.copytree(kept, folder, dirs_exist_ok=True)
    else:
        build()
        shutil.copytree(folder, kept)


def finished(recipe: Recipe) -> Run:
    """A new run of this recipe that is done. What decides weights and bands is trained once a session, and copied."""
    run = index.submit(recipe)
    written = (run.folder / "recipe.json").read_bytes()
    decides = (recipe.model, recipe.fingerprint, recipe.settings, recipe.training, recipe.hold_out, recipe.seed)
    decides += (recipe.hold_out_after, recipe.band_folds)
    built_once(json.dumps(decides, sort_keys=True), run.folder, lambda: InProcess().start(run))
    (run.folder / "recipe.json").write_bytes(written)
    run.marker.unlink(missing_ok=True)
    assert run.status().state == "done", run.status().message
    return Run(run.folder)
