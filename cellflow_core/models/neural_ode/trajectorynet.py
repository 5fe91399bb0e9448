"""TrajectoryNet: a continuous normalising flow through all measured times, with short paths near the data.

Tong, Huang, Wolf, van Dijk & Krishnaswamy, "TrajectoryNet: a dynamic optimal transport network for modeling cellular
dynamics", ICML 2020, arXiv:2002.04461. Cells move with v(t, x), and density along a path changes by the divergence,

    log p(t, x(t)) = log p(b, x(b)) - integral from b to t of tr(dv/dx) ds        (instantaneous change of variables)

with a Gaussian p(b) at b, one mean gap before the first time. The cells of every time are carried back together: those
of the last time to the time before, there joined by the cells of that time, and so on to b. The loss is

    - mean log p(t_k, x)  +  density hinge  (+  energy E |v|^2  +  jacobian E |dv/dx|^2  +  alignment with RNA velocity)

per axis, in standard deviations (pooled) and mean intervals. Energy makes it dynamic optimal transport (Benamou &
Brenier 2000) whose end is met by likelihood; the squared Jacobian keeps the solver's work small (Finlay et al., ICML
2020, arXiv:2002.02798); both are 0 unless set, as in the authors' program. The hinge keeps paths near measured cells of
any time, at measured times and half-way between. With steps of fixed size the likelihood can be raised by the error of
the solver where slopes are steep for the steps: more steps, dopri5 or a weight of the Jacobian help, which however
holds back sharp forks.

The divergence is exact, dim derivatives at a time, or estimated along one random direction of signs, which stays the
same along the whole path of a cell (Hutchinson 1990; Grathwohl et al., ICLR 2019, arXiv:1810.01367). Departures from
the paper: the Gaussian at b has the mean and the variances of the first cells instead of the unit, so that little is
left for the path from b to the first time. The work grows with the square of the number of times. Before the first time
the field is only the path from the Gaussian and says nothing of cells.

With `growth` prior a second network g(t, x) is first fitted to the growth rates that the data come with, and stays as
it is. Along a path d log p / dt is then g less the divergence from the first time on: p is the density of mass, of
which the first cells have one in all. The authors fit g to the rows of unbalanced transport plans instead, and count it
once an interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.ot_loss import density_loss
from cellflow_core.models.networks.ode_solver import ODESolver, State
from cellflow_core.models.networks.settings import MLPSettings, ODESettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.time_units import format_time


@dataclass(frozen=True)
class Settings(ODESettings, MLPSettings):
    energy: float = setting(0.0, "weight of the kinetic energy against the likelihood: straighter paths", 0.0, 100.0)
    jacobian: float = setting(
        0.0,
        "weight of the squared slopes of the velocity: smoother motion, no sharp forks",
        0.0,
        100.0,
        label="Weight of the Jacobian penalty",
    )
    density: float = setting(0.1, "weight of the density loss: distance of paths from measured cells", 0.0, 100.0)
    neighbours: int = setting(5, "nearest measured cells k of the density loss", 1, 100, "cells")
    alignment: float = setting(
        0.0,
        "weight of the angle between velocity and RNA velocity, which the data must then have",
        0.0,
        100.0,
        label="Weight of the velocity alignment",
    )
    growth: Literal["none", "prior"] = setting(
        "none", "cells only move, or also divide and die at the growth rates that the data come with"
    )
    input_noise: float = setting(
        0.1, "noise added to the cells in training", 0.0, 2.0, "standard deviations (pooled)", label="Input noise"
    )
    max_exact_divergence_dim: int = setting(
        10, "dimensions up to which the divergence is exact, not along one random direction", 0, 1000
    )
    solver: Literal["midpoint", "rk4", "dopri5"] = with_default(ODESettings, "solver", "rk4")
    substeps: int = with_default(
        ODESettings, "substeps", 1, help="fixed-step solvers: steps per half interval between measured times"
    )
    tolerance: float = with_default(ODESettings, "tolerance", 1e-3, unit="standard deviations (pooled), nats per axis")


@dataclass(frozen=True)
class BackwardPass:
    """Log density of each cell, and means over paths: length^2 of an interval, squared slopes, distance from cells."""

    log_density: Float[Tensor, " cells"]
    energy: Tensor
    jacobian: Tensor
    density: Tensor


class TrajectoryNet(DynamicsModel, HasVelocity, HasGrowth):
    title = "TrajectoryNet (after Tong et al.)"
    summary = "Learns one motion under which the cells of all times are likely, along short paths near measured cells."
    paper = "Tong et al., ICML 2020, arXiv:2002.04461"
    limitation = (
        "With many axes (50 principal components) its cells were no nearer to a left-out time than those of the time "
        "before: nearer along the leading axes, farther along the many others, which count alike in the likelihood. "
        "Take few axes, and compare seeds."
    )
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 500,
        "batch_size": 64,
        "learning_rate": 5e-3,
        "ema_decay": 0.97,
    }
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {"growth": ("growth", ("prior",))}

    Config = Settings
    config: Settings
    mean: Tensor
    spread: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        grows = config.growth == "prior"
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval) if grows else None
        self.solver = ODESolver(config.solver, config.substeps, config.tolerance)
        self.register_buffer("mean", torch.zeros(spec.dim))
        self.register_buffer("spread", torch.zeros(spec.dim))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        velocity = {DataRequirement.VELOCITY} if config.alignment else set()
        return cls.needs | velocity | ({DataRequirement.GROWTH} if config.growth == "prior" else set())

    def phases(self) -> tuple[Phase, ...]:
        likelihood = Phase("likelihood", (Update(self.loss, self.net.parameters()),), prepare=self.prepare)
        if self.rate is None:
            return (likelihood,)
        return Phase("growth", (Update(self.growth_loss, self.rate.parameters()),), step_fraction=0.5), likelihood

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """The Gaussian at the base: moments of the first cells that are seen, those of training."""
        if not self.spread.any():
            first = frames.x[0]
            epsilon = (max(self.config.input_noise, 1e-3) * self.spec.scale) ** 2
            self.mean.copy_(first.mean(dim=0))
            self.spread.copy_((first.var(dim=0, correction=0) + epsilon).sqrt())

    def growth_loss(self, batch: Batch) -> Loss:
        """Squared error of g against the growth rates of the data, in units of one over the mean interval."""
        assert self.rate is not None
        t = batch.times.repeat_interleave(batch.x.shape[1])
        error = self.rate(t, self._noisy(batch).flatten(0, 1))[:, 0] - batch.cell_data("growth").flatten()
        total = (error * self.spec.interval).square().mean()
        return Loss(total, {"growth": total.detach()})

    def _noisy(self, batch: Batch) -> Tensor:
        noise = torch.randn(batch.x.shape, generator=batch.rng, device=batch.x.device)
        return batch.x + self.config.input_noise * self.spec.scale * noise

    def loss(self, batch: Batch) -> Loss:
        unit, cells = self.spec.scale, self._noisy(batch).unbind()
        found = self._back(cells, batch.times, batch.rng, batch.x.flatten(0, 1))
        terms = {
            "likelihood": -found.log_density.mean() / self.spec.dim - math.log(unit),
            "energy": found.energy / (self.spec.dim * unit**2),
            "jacobian": found.jacobian / self.spec.dim,
            "density": found.density,
        }
        total = terms["likelihood"] + sum(getattr(self.config, name) * terms[name] for name in list(terms)[1:])
        if self.config.alignment:
            terms["alignment"] = self._angle(batch)
            total = total + self.config.alignment * terms["alignment"]
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def log_density(self, time: float, x: Float[Tensor, "cells dim"]) -> Float[Tensor, " cells"]:
        """log p(time, x), natural logarithm (per state^dim), from the first time on; an estimate above `exact` axes.
        With growth that of mass: its integral is the mass at that time over that at the first."""
        (at,) = self.clock.positions_of([time])
        before = [each for each in self.spec.times if each < at]
        if not before:
            first = format_time(self.clock.outer(self.spec).times[0])
            raise ValueError(f"the density is known from {first} on, asked was {format_time(time)}")
        times = torch.tensor([*before, at], dtype=torch.float32, device=x.device)
        nobody = x.new_zeros(0, x.shape[1])
        return self._back([*(nobody for _ in before), x], times, torch.Generator(x.device).manual_seed(0)).log_density

    def _back(
        self, cells: Sequence[Tensor], times: Float[Tensor, " times"], rng: torch.Generator, near: Tensor | None = None
    ) -> BackwardPass:
        """Cells of each time carried to the base, the last first. near: measured cells that paths should stay near."""
        x, log_density, directions = cells[-1][:0], cells[-1].new_zeros(0), self._directions(cells[-1][:0], rng)
        paths, astrays = [], []
        begins = torch.cat([times[:1] - self.spec.interval, times[:-1]])
        for joining, begin, end in zip(reversed(cells), begins.flip(0), times.flip(0), strict=True):
            directions = torch.cat([directions, self._directions(joining, rng)])
            x = torch.cat([x, joining])
            sums = nn.functional.pad(log_density[:, None], (0, 2, 0, len(joining)))
            middle = (begin + end) / 2
            for t1, t0 in ((end, middle), (middle, begin)):
                x, sums = self._carry(x, sums, directions, t1, t0, grows=bool(begin >= times[0]))
                if near is not None:
                    astrays.append(density_loss(x, near, self.spec, self.config.neighbours))
            log_density = sums[:, 0]
            paths.append(sums[:, 1:].mean(dim=0) * (begin - end))
        base = torch.distributions.Normal(self.mean, self.spread, validate_args=False)
        energy, jacobian = torch.stack(paths).mean(dim=0)
        density = torch.stack(astrays).mean() if astrays else energy.new_zeros(())
        return BackwardPass(log_density + base.log_prob(x).sum(dim=1), energy, jacobian, density)

    def _carry(self, x: Tensor, sums: Tensor, directions: Tensor, t1: Tensor, t0: Tensor, grows: bool) -> State:
        """x, and with `sums` [cells, 3] the integrals of divergence less growth, |v|^2 and squared slopes, from t1 back
        to t0. grows: not before the first time."""

        def rates(t: Tensor, state: State) -> State:
            v, slopes = self.net.jvp(t, state[0], directions)
            change = (directions * slopes).sum(dim=(1, 2))
            if grows and self.rate is not None:
                change = change - self.rate(t, state[0])[:, 0]
            return v, torch.stack([change, v.square().sum(dim=1), slopes.square().sum(dim=(1, 2))], dim=1)

        start, end = (each.expand(len(x)) for each in (t1, t0))
        return self.solver.integrate(rates, (x, sums), start, end, sizes=(self.spec.scale, float(self.spec.dim)))

    def _directions(self, x: Tensor, rng: torch.Generator) -> Float[Tensor, "cells k dim"]:
        """Along which the divergence is summed: all axes, or signs at random."""
        if x.shape[1] <= self.config.max_exact_divergence_dim:
            return torch.eye(x.shape[1], device=x.device).expand(len(x), -1, -1)
        return torch.randint(2, (len(x), 1, x.shape[1]), generator=rng, device=x.device).to(x) * 2 - 1

    def _angle(self, batch: Batch) -> Float[Tensor, ""]:
        """1 less the cosine between velocity and RNA velocity, over all cells of the batch."""
        measured = batch.cell_data("velocity").flatten(0, 1)
        t = batch.times.repeat_interleave(batch.x.shape[1])
        return 1 - nn.functional.cosine_similarity(self.net(t, batch.x.flatten(0, 1)), measured).mean()

    def notes(self) -> tuple[str, ...]:
        return self.solver.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """Raises ValueError where growth is "none": no rates were fitted."""
        if self.rate is None:
            raise ValueError(f"with growth {self.config.growth!r} {self.title} learns no growth: train with 'prior'")
        return self.rate(t, x)[:, 0]
