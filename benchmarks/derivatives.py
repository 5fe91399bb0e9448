"""What a derivative of a network costs by automatic differentiation, against the chain rule written out.

    python benchmarks/derivatives.py --out FILE.json

Two tables, each figure the ratio time(automatic) / time(written out), on one core, least of the repeats.

derivatives  of `TimeMLP` (and of PRESCIENT's potential), 64 neurons wide, on a batch of 256 (training) and 2,048 cells
             (a page), in 2, 10 and 50 dimensions: evaluated without gradients, and trained through (with backward)
models       the training (--steps) and the page's questions (flow, landscape, knock-out) of whole models, once as they
             are and once with the derivative replaced by the automatic one

Automatic is the faster of what `torch.func` offers: vjp for a gradient, jvp for a derivative along one direction, vmap
of jvp for several; the Laplacian is a vmap of vjp over the gradient, since SiLU has no forward derivative of its own
derivative.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

sys.path.insert(0, str(Path(__file__).parents[1]))

from footprint import curved_view

from cellflow_core.analysis import flow, landscape
from cellflow_core.analysis.perturbations import knock_out
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.networks.time_mlp import TimeMLP
from cellflow_core.models.potentials.prescient import Landscape
from cellflow_core.train.trainer import TrainConfig, fit

WIDTH, DEPTH = 64, 3
DIMS = (2, 10, 50)
BATCHES = (256, 2048)
MODELS = ("action-matching", "metric-fm", "trajectorynet", "nlsb", "prescient")
"""One or more models of each derivative: gradient, time derivative, directions, Laplacian, gradient of a potential."""


def value_and_grad(net: TimeMLP, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    value, pull = vjp(lambda t, x: net(t, x)[:, 0], t, x)[:2]
    return (value, *pull(torch.ones_like(value)))


def value_and_time_derivative(net: TimeMLP, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    return jvp(lambda t: net(t, x), (t,), (torch.ones_like(t),))[:2]


def directional(net: TimeMLP, t: Tensor, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    along = vmap(lambda d: jvp(lambda y: net(t, y), (x,), (d,))[:2], in_dims=1, out_dims=(0, 1))
    value, slopes = along(directions)
    return value[0], slopes


def laplacian(net: TimeMLP, t: Tensor, x: Tensor) -> Tensor:
    pull = vjp(lambda y: value_and_grad(net, t, y)[2], x)[1]
    second = vmap(lambda axis: (pull(axis.expand_as(x))[0] * axis).sum(dim=1))
    return second(torch.eye(x.shape[1], device=x.device)).sum(dim=0)


def slope(net: Landscape, x: Tensor) -> Tensor:
    value, pull = vjp(net, x)[:2]
    return pull(torch.ones_like(value))[0]


AUTOMATIC: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (TimeMLP, "value_and_grad", value_and_grad),
    (TimeMLP, "value_and_time_derivative", value_and_time_derivative),
    (TimeMLP, "jvp", directional),
    (TimeMLP, "laplacian", laplacian),
    (Landscape, "slope", slope),
)


@contextmanager
def automatic() -> Iterator[None]:
    """The derivatives of all networks by automatic differentiation."""
    kept = [(kind, name, getattr(kind, name)) for kind, name, _ in AUTOMATIC]
    for kind, name, function in AUTOMATIC:
        setattr(kind, name, function)
    try:
        yield
    finally:
        for kind, name, function in kept:
            setattr(kind, name, function)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratio(written: Callable[[], object], auto: Callable[[], object], repeats: int) -> float:
    """Least time of the automatic derivative over that of the other, by turns."""
    pairs = [(seconds(written), seconds(auto)) for _ in range(repeats + 1)][1:]
    least = [min(each) for each in zip(*pairs, strict=True)]
    return round(least[1] / least[0], 2)


def derivatives(dim: int, batch: int, repeats: int) -> list[dict[str, Any]]:
    spec = DataSpec(dim=dim, times=(0.0, 1.0, 2.0), center=(0.0,) * dim, scale=1.0, interval=1.0)
    torch.manual_seed(0)
    one, many = TimeMLP(spec, 1, WIDTH, DEPTH), TimeMLP(spec, dim, WIDTH, DEPTH)
    t, x = torch.rand(batch), torch.randn(batch, dim)
    axes = torch.eye(dim).expand(batch, -1, -1) if dim <= 10 else torch.randn(batch, 1, dim)
    networks = {"value_and_grad": one, "laplacian": one, "slope": Landscape(spec, WIDTH, DEPTH)}
    rows = []
    for kind, name, auto in AUTOMATIC:
        net = networks.get(name, many)
        arguments = (x,) if kind is Landscape else (t, x, axes) if name == "jvp" else (t, x)

        def written(net: Any = net, name: str = name, arguments: Any = arguments) -> Any:
            return getattr(net, name)(*arguments)

        def other(net: Any = net, auto: Any = auto, arguments: Any = arguments) -> Any:
            return auto(net, *arguments)

        torch.testing.assert_close(other(), written(), rtol=1e-3, atol=1e-4)
        with torch.no_grad():
            asked = ratio(written, other, repeats)
        trained = ratio(lambda w=written: backward(w()), lambda o=other: backward(o()), repeats)
        rows.append({"derivative": name, "dim": dim, "batch": batch, "evaluate": asked, "train": trained})
    return rows


def backward(found: Tensor | tuple[Tensor, ...]) -> None:
    parts = (found,) if isinstance(found, Tensor) else found
    torch.stack([each.square().mean() for each in parts]).sum().backward()


def cells(count: int = 500, dim: int = 5) -> Snapshots:
    """Two groups that part over three times."""
    rng = np.random.default_rng(0)
    times = (0.0, 1.0, 2.0)
    x = rng.normal(size=(len(times), count, dim)) * 0.4
    for k, t in enumerate(times):
        x[k, :, 0] += 1.5 * t
        x[k, :, 1] += rng.choice([-1.0, 1.0], count) * t
    space = AffineSpace.of_genes(tuple(f"x{k}" for k in range(dim)))
    return Snapshots(x.reshape(-1, dim).astype(np.float32), np.repeat(times, count), space)


def model(name: str, steps: int, repeats: int) -> dict[str, Any]:
    data = cells()
    view = curved_view(data)

    def train() -> Any:
        made = registry.create(name, {}, data.spec, 0)
        config = TrainConfig.preset("standard", type(made), steps=steps)
        fit(made, data, config, seed=0)
        return made

    trained = train()
    work: dict[str, Callable[[], object]] = {
        "training": train,
        "flow": lambda: flow.flow_field(trained, data, view),
        "landscape": lambda: landscape.landscape(trained, data, view),
        "knock-out": lambda: knock_out.perturbation(trained, data, view, "x1"),
    }

    def with_automatic(job: Callable[[], object]) -> None:
        with automatic():
            job()

    found = {name: ratio(job, lambda job=job: with_automatic(job), repeats) for name, job in work.items()}
    return {"model": name, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for dim in DIMS for batch in BATCHES for row in derivatives(dim, batch, asked.repeats)]
    for row in rows:
        print("{derivative:26} dim {dim:3} batch {batch:5}  evaluate {evaluate:5}  train {train:5}".format(**row))
    models = [model(name, asked.steps, max(2, asked.repeats // 10)) for name in MODELS]
    for row in models:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if asked.out:
        found = {"machine": machine.here(), "date": machine.today(), "derivatives": rows, "models": models}
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
