"""One row of a benchmark, in a process of its own: train without a time, read the peak memory, score.

The processes are forked from a server that has loaded the libraries and nothing else. `peak_mb` is the high-water mark
of the resident memory of such a process when the training ends, before anything is scored: interpreter and libraries
(`base_mb`, what it held before the training), the cells, the network, its optimizer, pools of pairs and transport
plans. Memory of a GPU is not in it. `seconds` is the clock, `cpu` the CPU time, which other programs on the
machine change little; `prepare` is the part of it that goes into what is computed once before the steps.
"""

from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.results import BaselineScores, Distances
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.jobs.process import peak_mb
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, Phase
from cellflow_core.train.trainer import TrainConfig, fit

LOADED = ["run_case", "torch._dynamo", "cellflow_core.models.registry"]
"""What the server loads before it forks: what `torch.optim` imports on its first step, too."""


@dataclass(frozen=True)
class Trial:
    """What one row is made from.

    model     name, or name:setting=value, as in `named`
    steps     of training, instead of the preset's; None: the preset's
    on_clock  networks see measured time, instead of the position among the measured times
    own_scale the cells are scaled anew without those of the fold; distances are in the unit of `data` all the same
    baselines of this fold, without a model; None: not needed
    """

    model: str
    data: Snapshots
    seed: int
    fold: float
    preset: str
    threads: int
    baselines: BaselineScores | None = None
    steps: int | None = None
    own_scale: bool = False
    on_clock: bool = False


def alone(asked: Trial, make: Callable[[Trial], dict[str, Any]] | None = None) -> dict[str, Any]:
    """A row, by `row` or by `make`, in a process of its own. What is raised there is raised here; BrokenProcessPool
    where it was killed."""
    with ProcessPoolExecutor(1, mp_context=_server(asked.threads)) as pool:
        return pool.submit(make or row, asked).result()


@cache
def _server(threads: int) -> ForkServerContext:
    """Start the server that forks the rows. It looks for what it loads on PYTHONPATH only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    before = os.environ.copy()
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def row(asked: Trial) -> dict[str, Any]:
    """Train and score here."""
    model, data, unit, made = trained(asked)
    limit = evaluate.PARTNERS * len(data.x)
    found = evaluate.scores(model, data, asked.fold, seed=asked.seed, limit=limit, unit=unit, baselines=asked.baselines)
    made |= {"w1": found.from_previous.w1, "points_per_cell": 1} | plain(found.from_previous)
    if found.from_plan is not found.from_previous:
        made["plan"] = plain(found.from_plan)
    return made | {"first": plain(found.from_first), "date": machine.today()}


def trained(asked: Trial) -> tuple[DynamicsModel, Snapshots, np.ndarray | None, dict[str, Any]]:
    """Train here: the model, the cells it is scored on, the length of 1 on their axes in the unit of the table (None:
    it is theirs), and what the training cost."""
    torch.set_num_threads(asked.threads)
    data, unit = asked.data, None
    if asked.own_scale:
        own = evaluate.scaling(data, without=asked.fold)
        data, unit = own.apply(data), own.spread
    seen = data.without(asked.fold)
    name, settings = named(asked.model)
    spec = dataclasses.replace(seen.spec, positions=()) if asked.on_clock else seen.spec
    model = registry.create(name, settings, spec, asked.seed)
    preparing = _Clock()
    phases = model.phases
    model.phases = lambda: tuple(preparing.watch(each) for each in phases())  # type: ignore[method-assign]
    changes = {} if asked.steps is None else {"steps": asked.steps}
    base, began, worked = peak_mb(), time.monotonic(), time.process_time()
    fit(model, seen, TrainConfig.preset(asked.preset, type(model), **changes), seed=asked.seed)
    seconds, cpu, peak = time.monotonic() - began, time.process_time() - worked, peak_mb()
    made: dict[str, Any] = {"model": asked.model, "seed": asked.seed, "fold": asked.fold}
    made |= {"seconds": round(seconds, 2), "cpu": round(cpu, 2), "prepare": round(preparing.spent, 2)}
    made |= {"peak_mb": round(peak, 1), "base_mb": round(base, 1)}
    if chosen := model.notes():
        made["notes"] = list(chosen)
    return model, data, unit, made


@dataclass
class _Clock:
    """CPU seconds that phases spent on what they compute once."""

    spent: float = 0.0

    def watch(self, phase: Phase) -> Phase:
        prepare = phase.prepare
        if prepare is None:
            return phase

        def timed(frames: SnapshotTensors, rng: torch.Generator) -> Any:
            began = time.process_time()
            try:
                return _finished(prepare(frames, rng))
            finally:
                self.spent += time.process_time() - began

        return dataclasses.replace(phase, prepare=timed)


def _finished(found: Any) -> Any:
    """What was prepared; a generator, which tells how far it is, is run to its end."""
    while isinstance(found, Generator):
        try:
            next(found)
        except StopIteration as end:
            found = end.value
    return found


def missing_data(label: str, data: Snapshots) -> str:
    """Why a model cannot be trained on these cells, "" where it can."""
    name, settings = named(label)
    kind = registry.find(name)
    if not kind.installed():
        return f"{label} needs the package {kind.package}, which is not installed"
    message = kind.missing_data(kind.Config.from_dict(settings), data.has)
    return f"{label}: {message}" if message else ""


def named(label: str) -> tuple[str, dict[str, Any]]:
    """`name:setting=value:other=value` as name and settings; the name alone has the defaults.

    Raises KeyError for a model, ValueError for a setting or a value that there is not.
    """
    name, *pairs = label.split(":")
    parts = [each.partition("=") for each in pairs]
    settings = {key: _value(text) for key, _, text in parts}
    registry.find(name).Config.from_dict(settings)
    return name, settings


def _value(text: str) -> Any:
    """A number, true or false; any other text as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def plain(found: Distances) -> dict[str, float | None]:
    """As strict JSON holds it: null for what has no meaning."""
    return {name: None if math.isnan(value) else value for name, value in dataclasses.asdict(found).items()}
