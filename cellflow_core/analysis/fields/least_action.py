"""The least-action path between two states: what noise would most likely do to lead a cell from one to the other.

Freidlin & Wentzell 1984, as in Qiu et al., "Mapping transcriptomic vector fields of single cells", Cell 185:690, 2022,
doi:10.1016/j.cell.2021.12.045. For dx = f(x) dt + sqrt(2 D) dW, held at one time, the action of a path in n steps of
dt = T / n is

    S(x, T) = 1 / (4 D) sum_k |(x_{k+1} - x_k) / dt - f((x_k + x_{k+1}) / 2)|^2 dt,

and exp(-S) is the likelihood of the path on a logarithmic scale. It is minimised over the inner points and over log T
together by L-BFGS, from straight lines of several durations. Along f the action is 0: out of a well the path follows
the flow backwards, where the field is a gradient, to the saddle, and beyond it the flow itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from cellflow_core.analysis.dynamics import Dynamics

Array = np.ndarray
DURATIONS = (1.0, 4.0, 16.0)
"""Durations of the straight lines to begin with, in times that the mean speed takes from one end to the other."""
LONGEST = 100.0
"""Longest duration, in the same unit: between fixed points the infimum lies at an infinite one."""


@dataclass(frozen=True)
class LeastActionPath:
    """x [points, dim] (state) at `times` from 0 to the duration T (time); action S (no unit).

    converged  whether the optimiser ended by its tolerance
    """

    x: Float[Array, "points dim"]
    times: Float[Array, " points"]
    action: float
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
    points: int = 25,
    iterations: int = 2000,
) -> LeastActionPath:
    """The path of least action from `start` to `end` in the field held at one time.

    diffusion  D (state^2 / time), the same in every direction: it scales the action and leaves the path as it is
    Raises ValueError where the model has no field, the ends are the same or there are fewer than 3 points.
    """
    first, last = (
        torch.as_tensor(np.asarray(each), dtype=torch.float64, device=moving.device) for each in (start, end)
    )
    if points < 3:
        raise ValueError(f"a path of {points} points has no inner one: take 3 or more")
    length = float((last - first).norm())
    if not length:
        raise ValueError("the path begins and ends in the same state: choose two different ones")
    field, steps, scale = moving.field, points - 1, moving.spec.scale
    s = torch.linspace(0, 1, points, dtype=torch.float64, device=moving.device)[:, None]
    line = first + s * (last - first)

    def velocity(x: Tensor) -> Tensor:
        return field(x.new_full((len(x),), time, dtype=torch.float32), x.float()).double()

    with torch.no_grad():
        typical = length / float(velocity(line).norm(dim=1).mean().clamp_min(1e-12))

    def path(z: Tensor) -> tuple[Tensor, Tensor]:
        inner = line[1:-1] + scale * z[:-1].reshape(steps - 1, -1)
        return torch.cat([first[None], inner, last[None]]), typical * z[-1].exp()

    def action(z: Array) -> tuple[float, Array]:
        at = torch.tensor(z, dtype=torch.float64, device=moving.device, requires_grad=True)
        with torch.enable_grad():
            x, duration = path(at)
            dt = duration / steps
            excess = x.diff(dim=0) / dt - velocity((x[1:] + x[:-1]) / 2)
            total = excess.square().sum() * dt / (4 * diffusion)
        (slope,) = torch.autograd.grad(total, at)
        return float(total.detach()), slope.cpu().numpy()

    free = (steps - 1) * len(first)
    bounds = [(None, None)] * free + [(np.log(1 / LONGEST), np.log(LONGEST))]
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 1e-10, "gtol": 1e-8}
    tries = [
        minimize(
            action, np.append(np.zeros(free), np.log(each)), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        for each in DURATIONS
    ]
    best = min(tries, key=lambda each: float(each.fun))
    x, duration = path(torch.tensor(best.x, dtype=torch.float64, device=moving.device))
    times = np.linspace(0, float(duration), points)
    return LeastActionPath(x.cpu().numpy().astype(np.float32), times, float(best.fun), bool(best.success))
