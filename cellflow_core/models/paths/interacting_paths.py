"""Paths between paired cells where cells interact.

Of all motions of cells with the interaction K that lead from the cells of one time to those of the next, the most
likely departs least from what K alone does (Chen, Georgiou & Pavon 2021, SIAM Rev. 63:249, for the bridge relative to
any process). Cells of t0 are therefore first moved by K alone to y(t1) and paired there with the cells of t1; what is
missing is added at constant speed: with s = (t - t0) / T, T = t1 - t0,

    x(s) = y(t) + s (x1 - y(t1)),    dx / dt = K(y(t)) + (x1 - y(t1)) / T

Without K these are the straight paths of flow matching.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.integrate import State, solve
from cellflow_core.models.paths.path_sample import PathSample
from cellflow_core.models.transport.ot_solvers import OTSolver
from cellflow_core.models.transport.pair_sampler import Pairing, clipped_growth, interpolated_mass

STEPS = 8
"""Midpoint steps by the interaction alone over one interval."""
MAX_INTERACTING_CELLS = 512
"""Cells that represent the population in the interaction."""

Interaction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x [cells, dim], population [others, dim], weight [others]) -> K at x (state / time)."""


@dataclass(frozen=True)
class InteractingPaths:
    """All pairs of one interval.

    carried  cells of t0 moved to t1 by K alone, at equal steps
    source   which of these cells a pair begins with; target: its cell of t1
    cdf      cumulative probability of the pairs, by the mean of their masses at both ends
    growth   d log mass / dt of each pair (1 / time)
    """

    t0: float
    t1: float
    carried: Float[Tensor, "steps cells dim"]
    source: Int[Tensor, " pairs"]
    target: Float[Tensor, "pairs dim"]
    cdf: Float[Tensor, " pairs"]
    growth: Float[Tensor, " pairs"]

    def sample(self, groups: int, cells: int, rng: torch.Generator) -> PathSample:
        """Groups of pairs, each at a time of its own; the times are stratified over the interval."""
        device = self.target.device
        s = (torch.arange(groups, device=device) + torch.rand(groups, generator=rng, device=device)) / groups
        draws = torch.rand(groups, cells, generator=rng, device=device, dtype=torch.float64)
        picked = torch.searchsorted(self.cdf, draws, right=True).clamp_(max=len(self.cdf) - 1)
        return self.at(s, picked)

    def at(self, s: Float[Tensor, " groups"], picked: Int[Tensor, "groups cells"]) -> PathSample:
        """These pairs at the fractions s of the interval."""
        interval, steps = self.t1 - self.t0, len(self.carried) - 1
        source, growth = self.source[picked], self.growth[picked]
        left = (s * steps).long().clamp(max=steps - 1)
        before, after = self.carried[left[:, None], source], self.carried[left[:, None] + 1, source]
        missing = self.target[picked] - self.carried[-1][source]
        fraction = s[:, None, None]
        x = torch.lerp(before, after, fraction * steps - left[:, None, None]) + fraction * missing
        velocity = ((after - before) * steps + missing) / interval
        mass = interpolated_mass(s[:, None], growth * interval)
        return PathSample(self.t0 + s * interval, s, torch.full_like(s, interval), x, velocity, growth, mass)


def interacting_paths(
    pairing: Pairing, frames: SnapshotTensors, interaction: Interaction | None, rng: torch.Generator
) -> tuple[InteractingPaths, ...]:
    """The pairs of each interval; without an interaction their paths are straight."""
    solver = pairing.solver(frames, rng)
    return tuple(_of_interval(pairing, solver, frames, k, interaction, rng) for k in range(len(frames.x) - 1))


def sample(paths: tuple[InteractingPaths, ...], size: int, group: int, rng: torch.Generator) -> PathSample:
    """About `size` pairs of each interval, in groups of at most `group`."""
    cells = min(group, size)
    found = [each.sample(max(1, size // cells), cells, rng) for each in paths]
    names = ("t", "s", "interval", "x", "velocity", "growth", "mass")
    return PathSample(*(torch.cat([getattr(each, name) for each in found]) for name in names))


def _of_interval(
    pairing: Pairing,
    solver: OTSolver,
    frames: SnapshotTensors,
    k: int,
    interaction: Interaction | None,
    rng: torch.Generator,
) -> InteractingPaths:
    t0, t1 = float(frames.times[k]), float(frames.times[k + 1])
    carried = frames.x[k].repeat(2, 1, 1) if interaction is None else _carried(frames.x[k], t1 - t0, interaction, rng)
    mass = None if frames.mass is None else frames.mass[k : k + 2]
    ends = SnapshotTensors((carried[-1], frames.x[k + 1]), frames.times[k : k + 2], frames.spec, mass=mass)
    (plan,) = pairing.plans(ends, rng, solver)
    target_mass = plan.weight if plan.target_mass is None else plan.target_mass
    cdf = (plan.weight.double() + target_mass).cumsum(0)
    source = _rows(carried[-1], plan.x0)
    return InteractingPaths(t0, t1, carried, source, plan.x1, cdf / cdf[-1], clipped_growth(plan))


def _carried(
    x: Tensor, interval: float, interaction: Interaction, rng: torch.Generator
) -> Float[Tensor, "steps cells dim"]:
    """Cells that interact with each other, or with MAX_INTERACTING_CELLS of them, and do nothing else."""
    some = torch.randperm(len(x), generator=rng, device=x.device)[:MAX_INTERACTING_CELLS]
    weight = x.new_full((len(some),), 1 / len(some))

    def rates(_: float, state: State) -> State:
        (x,) = state
        return (interaction(x, x[some], weight),)

    return torch.stack([x for (x,) in solve(rates, (x,), [k * interval / STEPS for k in range(STEPS + 1)], "midpoint")])


def _rows(cells: Tensor, among: Tensor) -> Int[Tensor, " pairs"]:
    """Which cell each row of `among` is."""
    _, name = torch.unique(torch.cat([cells, among]), dim=0, return_inverse=True)
    place = name.new_zeros(int(name.max()) + 1)
    place[name[: len(cells)]] = torch.arange(len(cells), device=cells.device)
    return place[name[len(cells) :]]
