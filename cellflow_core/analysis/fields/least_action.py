"""The least-action path between two states: what noise would most likely do to lead a cell from one to the other.

Freidlin & Wentzell 1984, as in Qiu et al., "Mapping transcriptomic vector fields of single cells", Cell 185:690, 2022,
doi:10.1016/j.cell.2021.12.045. For dx = f(x) dt + sqrt(2 D) dW, held at one time, the action of a path in n steps of
dt = T / n is

    S(x, T) = 1 / (4 D) sum_k |(x_{k+1} - x_k) / dt - f((x_k + x_{k+1}) / 2)|^2 dt = (A / T - 2 B + C T) / (4 D)

with A = n sum_k |x_{k+1} - x_k|^2, B = sum_k f . (x_{k+1} - x_k) and C = sum_k |f|^2 / n: exp(-S) is the likelihood of
the path on a logarithmic scale. The best duration of given points is T = sqrt(A / C), and leaves S = (sqrt(A C) - B) /
(2 D), which L-BFGS minimises over the inner points. Along f the action is 0. Where f = -grad U, the path out of a well
follows the flow backwards to the saddle, and its action is the barrier over the noise, (U(saddle) - U(well)) / D.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from cellflow_core.analysis.dynamics import Dynamics

Array = np.ndarray
Sums = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""(A, B, C) of a path [points, dim]."""
POINTS = 50
"""Points of a path, ends included: the barrier of a double well comes out 0.4 % too high."""
OPTIONS = {"maxiter": 3000, "maxfun": 6000, "ftol": 1e-14, "gtol": 1e-10, "maxcor": 30}
"""Of L-BFGS, for an action in units of that of the straight line: so fine that even in a flat valley of the
action a path depends on how sums are rounded by less than 1e-5 of its length. Fields in single precision are not smooth
enough for that."""
OUTSIDE = 10.0
"""Weight of the mean squared excess beyond the support, in actions of the straight line."""
SOFT = 6.0
"""Parts of the radius of a support that are the width within which its cells count together."""
TIE = 1e-5
"""Difference of two actions, as a share of that of the straight line, below which the path found first is kept."""


class Support(NamedTuple):
    """Cells [cells, dim] (state), and the distance to the nearest of them from which on a path is led back."""

    cells: Float[Array, "cells dim"]
    radius: float


@dataclass(frozen=True)
class LeastActionPath:
    """x [points, dim] (state) at `times` from 0 to the duration T (time); action S (no unit).

    line       action of the straight line, at constant speed in its own best duration (no unit)
    converged  whether the optimiser ended by its tolerance
    """

    x: Float[Array, "points dim"]
    times: Float[Array, " points"]
    action: float
    line: float
    converged: bool

    @property
    def duration(self) -> float:
        return float(self.times[-1])


def least_action_path(
    moving: Dynamics,
    start: Float[Array, " dim"],
    end: Float[Array, " dim"],
    time: float,
    diffusion: float = 1.0,
    points: int = POINTS,
    guesses: Sequence[Float[Array, "corners dim"]] = (),
    support: Support | None = None,
) -> LeastActionPath:
    """The path of least action from `start` to `end` in the field held at one time: the best of the local minima that
    are reached from the straight line and from each of the guesses.

    moving     of a model in double precision (`model.double()`)
    diffusion  D (state^2 / time), the same in every direction: it scales the action and leaves the path as it is
    guesses    paths from start to end to begin with as well, by their corners
    support    where the field is known: beyond it a field may vanish, and a path through there would take no action.
               A path that leaves it is led back by a penalty, which is no part of its action
    Raises ValueError where the model has no field, the field is zero or infinite on the straight line, the ends are the
    same or there are fewer than 3 points.
    """
    ends = np.stack([start, end]).astype(np.float64)
    if points < 3:
        raise ValueError(f"a path of {points} points has no inner one: take 3 or more")
    if not np.linalg.norm(ends[1] - ends[0]):
        raise ValueError("the path begins and ends in the same state: choose two different ones")
    sums = _sums(moving, time)
    begins = [torch.tensor(evenly_spaced(each, points), device=moving.device) for each in (ends, *guesses)]
    with torch.no_grad():
        line = sums(begins[0])
    if not 0 < float(line[2]) < np.inf:
        what = "zero" if float(line[2]) == 0 else "not finite"
        raise ValueError(f"the field is {what} all along the line between these states, so no path has an action")
    unit, beyond = max(float(_action(*line)), 1e-30), _excess(support, moving.device)

    def cost(x: Tensor) -> Tensor:
        return _action(*sums(x)) / unit + OUTSIDE * beyond(x).square().mean()

    found = [_descended(cost, each, moving.spec.scale) for each in begins]
    with torch.no_grad():
        costs = [float(cost(each)) for each, _ in found]
        x, converged = found[next(k for k, each in enumerate(costs) if each <= min(costs) + TIE)]
        a, b, c = sums(x)
    times = np.linspace(0, float((a / c).sqrt()), points)
    action, straight = (float(_action(*each)) / diffusion for each in ((a, b, c), line))
    return LeastActionPath(x.cpu().numpy().astype(np.float32), times, action, straight, converged)


def evenly_spaced(path: Float[Array, "corners dim"], points: int) -> Float[Array, "points dim"]:
    """Points at equal distances along a path of straight pieces, its ends included."""
    passed = length_along(path)
    at = np.linspace(0, passed[-1], points)
    return np.stack([np.interp(at, passed, axis) for axis in np.asarray(path, np.float64).T], axis=1)


def length_along(path: Float[Array, "points dim"]) -> Float[Array, " points"]:
    """Length of a path up to each of its points (state)."""
    return np.concatenate([[0.0], np.linalg.norm(np.diff(np.asarray(path, np.float64), axis=0), axis=1).cumsum()])


def _sums(moving: Dynamics, time: float) -> Sums:
    """Those of the field held at a time."""
    field = moving.field

    def sums(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        step, middle = x.diff(dim=0), (x[1:] + x[:-1]) / 2
        v = field(middle.new_full((len(middle),), time), middle)
        return len(step) * step.square().sum(), (step * v).sum(), v.square().sum() / len(step)

    return sums


def _action(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """S in the best duration, for D = 1."""
    return ((a * c).sqrt() - b) / 2


def _excess(support: Support | None, device: torch.device) -> Callable[[Tensor], Tensor]:
    """How far each point of a path [points, dim] is beyond the support: squared distance to its cells in squared radii,
    less 1, and 0 within. The distance is a soft minimum, so that it changes smoothly."""
    if support is None:
        return lambda x: x.new_zeros(len(x))
    cells = torch.tensor(support.cells, dtype=torch.float64, device=device)
    lengths, width = cells.square().sum(dim=1), (support.radius / SOFT) ** 2

    def excess(x: Tensor) -> Tensor:
        squared = x.square().sum(dim=1, keepdim=True) - 2 * x @ cells.T + lengths
        nearest = -2 * width * torch.logsumexp(-squared / (2 * width), dim=1)
        return (nearest / support.radius**2 - 1).clamp_min(0)

    return excess


def _descended(cost: Callable[[Tensor], Tensor], begin: Tensor, scale: float) -> tuple[Tensor, bool]:
    """(the path of locally least cost from this one downhill, whether the optimiser ended by its tolerance).

    It moves the inner points by the inverse root of their graph Laplacian, in which the curvature of the kinetic part
    of the action is the same in every direction, however many points there are. Arrays are copied into memory of torch,
    which is aligned: elsewhere, products of matrices are rounded otherwise from process to process.
    """
    inner = len(begin) - 2
    laplacian = (2 * np.eye(inner) - np.eye(inner, k=1) - np.eye(inner, k=-1)) * (inner + 1)
    spread = torch.tensor(scale * np.linalg.inv(np.linalg.cholesky(laplacian)).T, device=begin.device)

    def path(z: Tensor) -> Tensor:
        return torch.cat([begin[:1], begin[1:-1] + spread @ z.reshape(inner, -1), begin[-1:]])

    def action(z: Array) -> tuple[float, Array]:
        at = torch.tensor(z, dtype=torch.float64, device=begin.device, requires_grad=True)
        with torch.enable_grad():
            total = cost(path(at))
        (slope,) = torch.autograd.grad(total, at)
        return float(total.detach()), slope.cpu().numpy()

    found = minimize(action, np.zeros(inner * begin.shape[1]), jac=True, method="L-BFGS-B", options=OPTIONS)
    with torch.no_grad():
        return path(torch.tensor(found.x, device=begin.device)), bool(found.success)
