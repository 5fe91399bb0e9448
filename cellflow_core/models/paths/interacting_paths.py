"""Pairs of cells that ride on what cells do to each other: the ways between paired cells where cells feel each other.

The most likely motion of cells that feel each other by a force K is, of all that lead from the cells of one time to
those of the next, the one that departs least from what K alone would do (Chen, Georgiou & Pavon 2021, SIAM Rev. 63:249,
for the bridge against any process). Cells of t0 are therefore first carried along K alone to y(t1), where they are
paired with the cells of t1, and what is missing is added at an even speed: with s = (t - t0) / T, T = t1 - t0,

    x(s) = y(t) + s (x1 - y(t1)),    dx / dt = K(y(t)) + (x1 - y(t1)) / T

Without K these are the straight ways of flow matching.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.transport.ot_solvers import OTSolver
from cellflow_core.models.transport.pair_sampler import Pairing, clipped_growth, interpolated_mass

STEPS = 8
"""Steps of the carried cells from one time to the next."""
MAX_INTERACTING_CELLS = 512
"""Most cells that a carried cell feels."""

InteractionField = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x [cells, dim], cloud [others, dim], weight [others]) -> what the cloud does to cells at x (state / time)."""


@dataclass(frozen=True)
class PathSample:
    """One moment of some groups of ways; cells of a group stand at the same time and are a fair sample of all there.

    x, motion  place and dx / dt; growth: d log mass / dt of the pair; share: of each cell in the mass of its group
    mass       of the pair at that moment against what it was drawn by
    """

    t: Float[Tensor, " groups"]
    s: Float[Tensor, " groups"]
    gap: Float[Tensor, " groups"]
    x: Float[Tensor, "groups cells dim"]
    motion: Float[Tensor, "groups cells dim"]
    growth: Float[Tensor, "groups cells"]
    mass: Float[Tensor, "groups cells"]

    @property
    def share(self) -> Float[Tensor, "groups cells"]:
        return self.mass / self.mass.sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class InteractingPaths:
    """All pairs of one interval.

    way   cells of t0 carried to t1, at even steps; row: which of them a pair begins with; end: its cell of t1
    upto  running share of the pairs by the mean of their masses at both ends; growth: d log mass / dt of each
    """

    t0: float
    t1: float
    way: Float[Tensor, "steps cells dim"]
    row: Int[Tensor, " pairs"]
    end: Float[Tensor, "pairs dim"]
    upto: Float[Tensor, " pairs"]
    growth: Float[Tensor, " pairs"]

    def sample(self, groups: int, cells: int, rng: torch.Generator) -> PathSample:
        """Groups of pairs, each at a time of its own; the times of all are spread evenly."""
        device = self.end.device
        s = (torch.arange(groups, device=device) + torch.rand(groups, generator=rng, device=device)) / groups
        lots = torch.rand(groups, cells, generator=rng, device=device, dtype=torch.float64)
        picked = torch.searchsorted(self.upto, lots, right=True).clamp_(max=len(self.upto) - 1)
        return self.at(s, picked)

    def at(self, s: Float[Tensor, " groups"], picked: Int[Tensor, "groups cells"]) -> PathSample:
        """These pairs at the share s of the gap."""
        gap, steps = self.t1 - self.t0, len(self.way) - 1
        row, growth = self.row[picked], self.growth[picked]
        left = (s * steps).long().clamp(max=steps - 1)
        before, after = self.way[left[:, None], row], self.way[left[:, None] + 1, row]
        missing = self.end[picked] - self.way[-1][row]
        passed = s[:, None, None]
        x = torch.lerp(before, after, passed * steps - left[:, None, None]) + passed * missing
        motion = ((after - before) * steps + missing) / gap
        mass = interpolated_mass(s[:, None], growth * gap)
        return PathSample(self.t0 + s * gap, s, torch.full_like(s, gap), x, motion, growth, mass)


def interacting_paths(
    pairing: Pairing, frames: SnapshotTensors, carrier: InteractionField | None, rng: torch.Generator
) -> tuple[InteractingPaths, ...]:
    """The pairs of each interval; without a carrier the ways are straight."""
    solver = pairing.solver(frames, rng)
    return tuple(_ride(pairing, solver, frames, k, carrier, rng) for k in range(len(frames.x) - 1))


def sample(rides: tuple[InteractingPaths, ...], size: int, group: int, rng: torch.Generator) -> PathSample:
    """About `size` pairs of each interval, in groups of at most `group`."""
    cells = min(group, size)
    found = [each.sample(max(1, size // cells), cells, rng) for each in rides]
    names = ("t", "s", "gap", "x", "motion", "growth", "mass")
    return PathSample(*(torch.cat([getattr(each, name) for each in found]) for name in names))


def _ride(
    pairing: Pairing,
    solver: OTSolver,
    frames: SnapshotTensors,
    k: int,
    carrier: InteractionField | None,
    rng: torch.Generator,
) -> InteractingPaths:
    t0, t1 = float(frames.times[k]), float(frames.times[k + 1])
    way = frames.x[k][None] if carrier is None else _carried(frames.x[k], t1 - t0, carrier, rng)
    way = torch.cat([way, way]) if carrier is None else way
    mass = None if frames.mass is None else frames.mass[k : k + 2]
    ends = SnapshotTensors((way[-1], frames.x[k + 1]), frames.times[k : k + 2], frames.spec, mass=mass)
    (plan,) = pairing.plans(ends, rng, solver)
    later = plan.weight if plan.target_mass is None else plan.target_mass
    upto = (plan.weight.double() + later).cumsum(0)
    return InteractingPaths(t0, t1, way, _rows(way[-1], plan.x0), plan.x1, upto / upto[-1], clipped_growth(plan))


def _carried(
    x: Tensor, gap: float, carrier: InteractionField, rng: torch.Generator
) -> Float[Tensor, "steps cells dim"]:
    """Midpoint steps of cells that feel each other, or FELT of them, and do nothing else."""
    felt = torch.randperm(len(x), generator=rng, device=x.device)[:MAX_INTERACTING_CELLS]
    weight = x.new_full((len(felt),), 1 / len(felt))
    way, h = [x], gap / STEPS
    for _ in range(STEPS):
        half = x + h / 2 * carrier(x, x[felt], weight)
        x = x + h * carrier(half, half[felt], weight)
        way.append(x)
    return torch.stack(way)


def _rows(cells: Tensor, among: Tensor) -> Int[Tensor, " pairs"]:
    """Which cell each row of `among` is."""
    _, name = torch.unique(torch.cat([cells, among]), dim=0, return_inverse=True)
    place = name.new_zeros(int(name.max()) + 1)
    place[name[: len(cells)]] = torch.arange(len(cells), device=cells.device)
    return place[name[len(cells) :]]
