"""One row of scale.py, in a process of its own: what a model costs on some cells, and how near it comes.

prepare, cpu, seconds  CPU time of what is computed once before the steps, and of all the training; the clock
peak_mb, base_mb       see run_case.py: high-water mark of the memory when the training ends, and before it
weights_mb             the file of the trained model
carry, carry_mb        CPU time to simulate as many cells as there are from the first time through all others,
                       and by how much memory rose at most meanwhile
views, views_mb        CPU time of each picture of these cells on a view that is no linear map of the state
                       (as UMAP is none), and by how much memory rose; a model without such a picture has none
w1                     exact W1 (state) at the time left out, of at most SCORED cells of the time before, moved there
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
import run_case
import torch

from cellflow_core.analysis import fates, flow, landscape, time_course
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.jobs.process import peak_mb
from cellflow_core.math.ot import wasserstein

Array = np.ndarray
SCORED = 2048
SPLITS = 3
"""Draws that the floor is the mean of."""
PICTURES: dict[str, Callable[..., object]] = {
    "flow": flow.flow_field,
    "course": time_course.time_course,
    "landscape": landscape.landscape,
    "fates": fates.fate_map,
}


def row(asked: run_case.Trial) -> dict[str, Any]:
    """Train, carry, draw and score here."""
    model, data, _, made = run_case.trained(asked)
    rng = np.random.default_rng(asked.seed)
    first = data.at(float(data.times[0]))
    made["carry"], made["carry_mb"], _ = spent(
        simulate, model, first[rng.integers(len(first), size=len(data.x))], data.times
    )
    view, pictures, most = curved_view(data), {}, 0.0
    for name, draw in PICTURES.items():
        try:
            pictures[name], risen, _ = spent(draw, model, data, view)
        except ValueError as refused:  # a model that has no such picture says so
            pictures[name] = str(refused)
            continue
        most = max(most, risen)
    made |= {"views": pictures, "views_mb": most}
    k = int(np.searchsorted(data.times, asked.fold))
    before = float(data.times[k - 1])
    moved = simulate(model, few(data.at(before), SCORED, rng), [before, asked.fold], seed=asked.seed)
    made["w1"] = wasserstein(moved.x[-1], few(data.at(asked.fold), SCORED, rng), weight=moved.weight[-1])
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return made | {"weights_mb": round(file.tell() / 1e6, 2), "date": machine.today()}


def beside(data: Snapshots, fold: float, seed: int = 0) -> dict[str, float]:
    """W1 (state) at the time left out of: `still`, the cells of the time before as they are; `floor`, other cells of
    the time itself, SCORED a side or half of what there are (few cells make a high floor)."""
    rng = np.random.default_rng(seed)
    k = int(np.searchsorted(data.times, fold))
    cells = data.at(fold)
    half = min(SCORED, len(cells) // 2)
    parts = [rng.permutation(len(cells))[: 2 * half].reshape(2, half) for _ in range(SPLITS)]
    still = wasserstein(few(data.at(float(data.times[k - 1])), SCORED, rng), few(cells, SCORED, rng))
    return {"still": still, "floor": float(np.mean([wasserstein(cells[one], cells[two]) for one, two in parts]))}


def curved_view(data: Snapshots) -> Embedding:
    """A view that is no linear map of the state: the two axes of most spread, rolled up."""
    wide = np.argsort(-data.x.var(axis=0))[:2]
    z = (data.x[:, wide] - data.x[:, wide].mean(axis=0)) / data.x[:, wide].std(axis=0)
    points = np.stack([np.sin(z[:, 0]) + z[:, 0] / 2, np.arctan(z[:, 1])], axis=1).astype(np.float32)
    return Embedding("bent", ("1", "2"), points, data.x)


def few(x: Array, most: int, rng: np.random.Generator) -> Array:
    return x if len(x) <= most else x[rng.choice(len(x), most, replace=False)]


def spent(work: Callable[..., object], *args: Any) -> tuple[float, float, object]:
    """(CPU seconds, MB by which memory rose at most meanwhile, answer). Memory on Linux only, else nan."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")  # the high-water mark begins anew
    before, began = peak_mb(), time.process_time()
    answer = work(*args)
    return round(time.process_time() - began, 2), round(peak_mb() - before, 1), answer
