"""A latent stochastic equation of labelled cells, the second half of velvet: one state may have several futures.

Maizels, Snell & Briscoe, "Reconstructing developmental trajectories using latent dynamical systems and time-resolved
transcriptomics", Cell Systems 2024, doi:10.1016/j.cels.2024.04.004 (velvetSDE). The encoder, the decoder and the latent
field f are those of `labelled`. Cells walk at random among their nearest cells, where the velocity v of their RNA s
points, and the equation

    dz = (f(z) + g(z)) dt + sigma dW,
    P_ij = exp(cos(v_i, s_j - s_i) / w) / sum_j exp(cos(v_i, s_j - s_i) / w)

is fitted to the walks P, as a correction g of the field: from the same cells and at the same times, by the divergence
of Gaussians with the mean and the variance, in each dimension, of some simulations and of some walks,

    loss = mean KL(N(simulations) || N(walks)).

Ours: a cell may step to the cells that it is one of the nearest of, too; a step from cell i takes as long as its mean
needs along the velocity, tau_i = sum_j P_ij <s_j - s_i, v_i> / |v_i|^2, so that time stays that of the pulse. Further
departures stand in docs/methods/rna_velocity.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasSampler, Loss, Phase, Update
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.rna_velocity import labelled

WIDTH = 0.2
"""Width w of the kernel, in cosines."""
JUMPS = 10
"""Steps of usual length that walks are followed for."""
SUBSTEPS = 2
"""Steps of the equation in a step of a walk of usual length."""
STARTS, PATHS = 24, 12
"""Cells that walks of a training step start from, and walks from each."""
RANGE = 4.0
"""A step takes at most so many times the median time of a step, and at least its RANGE-th part."""
FLOOR = 0.1
"""Added to every standard deviation: that share of the spread of z, so that rest has no infinite weight."""
STEP = 0.1
"""Step of the simulation, in mean pulses."""
BLOCK = 2**14
"""Steps between cells whose RNA is held at a time."""


@dataclass(frozen=True)
class Settings(labelled.Settings):
    path_neighbors: int = setting(
        100,
        "nearest cells that a step of a random walk may lead to; with too few, walks take one of two branches",
        5,
        1000,
        label="Neighbors of a walk",
    )
    noise: float = setting(
        0.15,
        "noise σ of the stochastic equation, per square root of a pulse and in spreads of the latent state",
        0.0,
        2.0,
        label="Noise σ",
    )


class RandomPaths(NamedTuple):
    """Random walks among cells; every step that is possible is an edge, and the edges are sorted by their first cell.

    z      latent states of the cells
    to     the cell that each edge leads to
    cdf   number of the first cell of each edge, plus the probability of its edges up to and with this one
    last   of each cell, its last edge
    time   that a step from each cell takes (mean pulses); usual: its median
    first  row of the first cell of each time
    """

    z: Float[Tensor, "cells latent"]
    to: Int[Tensor, " edges"]
    cdf: Float[Tensor, " edges"]
    last: Int[Tensor, " cells"]
    time: Float[Tensor, " cells"]
    usual: float
    first: tuple[int, ...]

    def step(self, cells: Int[Tensor, " walks"], rng: torch.Generator) -> Int[Tensor, " walks"]:
        """The next cell of each walk."""
        at = cells + torch.rand(len(cells), generator=rng, device=cells.device, dtype=self.cdf.dtype)
        return self.to[torch.searchsorted(self.cdf, at).minimum(self.last[cells])]

    def states(self, cells: Int[Tensor, " walks"], rng: torch.Generator) -> Float[Tensor, "jumps walks latent"]:
        """Of walks from these cells, after 1, 2, ... JUMPS usual steps; in straight lines between cells."""
        times, states = [self.time.new_zeros(len(cells))], [self.z[cells]]
        for _ in range(2 * JUMPS):
            times.append(times[-1] + self.time[cells])
            cells = self.step(cells, rng)
            states.append(self.z[cells])
        t, z = torch.stack(times, dim=1), torch.stack(states, dim=1)
        asked = self.usual * torch.arange(1, JUMPS + 1, device=t.device, dtype=t.dtype).expand(len(t), JUMPS)
        after = torch.searchsorted(t, asked.contiguous()).clamp(1, 2 * JUMPS)
        begin, end = t.gather(1, after - 1), t.gather(1, after)
        part = ((asked - begin) / (end - begin)).clamp(0, 1)[..., None]
        row = torch.arange(len(t), device=t.device)[:, None]
        return z[row, after - 1].lerp(z[row, after], part).transpose(0, 1)


class LabelledSDE(labelled.Labelled, HasSampler):
    title = "velvetSDE (after Maizels et al. 2024)"
    summary = (
        "Learns a latent field from RNA that was labelled while it was made, and a stochastic equation that walks "
        "along it among the measured cells: a cell before a branch point can have either fate."
    )
    limitation = (
        "Its fates are those of random walks among neighbors: they hold how many cells were measured on each branch, "
        "not only how cells move, and its noise is chosen, not found. A wrong labelling efficiency makes every "
        "velocity wrong."
    )
    paper = "Maizels, Snell & Briscoe, Cell Systems 2024, doi:10.1016/j.cels.2024.04.004"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2100, "batch_size": 128, "learning_rate": 3e-3}
    Config = Settings
    config: Settings

    spread: Tensor  # of z over the cells: standard deviation, root mean square over dimensions; 0 before it is known

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.correction = MLP(config.latent, config.latent, config.width, config.depth)
        nn.init.zeros_(self.correction.last.weight)
        nn.init.zeros_(self.correction.last.bias)
        self.register_buffer("spread", torch.zeros(()))

    def phases(self) -> tuple[Phase, ...]:
        update = Update(self.loss_of_paths, self.correction.parameters())
        few = {"batch_size": STARTS}
        paths = Phase("stochastic equation", (update,), 0.8, prepare=self.prepare_paths, training=few)
        return (*super().phases(), paths)

    @torch.no_grad()
    def prepare_paths(self, frames: SnapshotTensors, rng: torch.Generator) -> RandomPaths:
        """Walks among these cells, along the field as it was learnt."""
        x = torch.cat(frames.x)
        z = self.latent(x)
        if not self.spread > 0:
            self.spread.copy_(z.var(dim=0).mean().sqrt())
        start, to = both_directions(labelled.nearest(x, self.spec.genes, self.config.path_neighbors))
        probability, time = transitions(x.expm1() / self.unit, self.along(z), start, to)
        usual = float(time[time > 0].median()) if bool((time > 0).any()) else 1.0
        last = start.bincount(minlength=len(x)).cumsum(0) - 1
        first = labelled.first_cells(frames)
        return RandomPaths(z, to, probability.cumsum(0), last, time.clamp(usual / RANGE, usual * RANGE), usual, first)

    def loss_of_paths(self, batch: Batch) -> Loss:
        """Per latent dimension and time; of walks and simulations from the cells of the batch."""
        paths: RandomPaths = batch.pool
        rows = torch.cat([each + first for each, first in zip(batch.rows, paths.first, strict=True)])
        rows = rows.repeat_interleave(PATHS)
        z, step, simulated = paths.z[rows], paths.usual / SUBSTEPS, []
        for _ in range(JUMPS):
            for _ in range(SUBSTEPS):
                z = self.moved(z, step, batch.rng)
            simulated.append(z)
        floor = FLOOR * self.spread
        m, d = _moments(paths.states(rows, batch.rng), floor)
        mean, deviation = _moments(torch.stack(simulated), floor)
        loss = ((d / deviation).log() + (deviation.square() + (mean - m).square()) / (2 * d.square()) - 0.5).mean()
        return Loss(loss, {"random walks": loss.detach()})

    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """Euler-Maruyama in the latent space, from the mean of q(z | x0); later states are decoded."""
        with torch.no_grad():
            z, found = self.latent(x0), [x0]
            for start, end in pairwise(times):
                span = (end - start) / float(self.pulse)
                count = max(math.ceil(span / STEP), 1)
                for _ in range(count):
                    z = self.moved(z, span / count, rng)
                found.append(torch.log1p((self.unit * self.decoder(z)).clamp_min(0)))
        return torch.stack(found)

    def moved(
        self, z: Float[Tensor, "cells latent"], step: float, rng: torch.Generator
    ) -> Float[Tensor, "cells latent"]:
        """After a step of the equation (mean pulses)."""
        noise = torch.randn(z.shape, generator=rng, device=z.device)
        return (
            z + (self.field(z) + self.correction(z)) * step + self.config.noise * self.spread * math.sqrt(step) * noise
        )


def both_directions(nearest: Int[Tensor, "cells k"]) -> tuple[Int[Tensor, " edges"], Int[Tensor, " edges"]]:
    """(from, to) of every pair of which one is among the nearest cells of the other, in both directions, sorted."""
    n, cells = len(nearest), torch.arange(len(nearest), device=nearest.device)[:, None]
    if n == 1:  # it stays where it is
        return cells[0], cells[0]
    code = torch.cat([cells * n + nearest, nearest * n + cells]).unique()
    return code // n, code % n


def transitions(
    s: Float[Tensor, "cells genes"],
    v: Float[Tensor, "cells genes"],
    start: Int[Tensor, " edges"],
    to: Int[Tensor, " edges"],
    width: float = WIDTH,
) -> tuple[Float[Tensor, " edges"], Float[Tensor, " cells"]]:
    """(probability of each edge, double, summing to one over those of a cell; time that a step of each cell takes)."""
    weight, along = s.new_empty(len(to), dtype=torch.double), s.new_empty(len(to), dtype=torch.double)
    for some in torch.arange(len(to), device=s.device).split(BLOCK):
        step, own = s[to[some]] - s[start[some]], v[start[some]]
        weight[some] = (cosine_similarity(own, step, dim=1).double() / width).exp()
        along[some] = (own * step).sum(dim=1).double()
    whole = weight.new_zeros(len(s)).index_add_(0, start, weight)
    probability = weight / whole[start]
    ahead = weight.new_zeros(len(s)).index_add_(0, start, probability * along)
    return probability, ahead.to(s) / v.square().sum(dim=1).clamp_min(1e-12)


def _moments(
    z: Float[Tensor, "times rows latent"], floor: Float[Tensor, ""]
) -> tuple[Float[Tensor, "times starts latent"], Float[Tensor, "times starts latent"]]:
    """Mean and standard deviation over the walks from each cell."""
    each = z.unflatten(1, (-1, PATHS))
    return each.mean(dim=2), (each.var(dim=2) + floor.square()).sqrt()
