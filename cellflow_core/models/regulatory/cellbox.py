"""CellBox: the steady response of measured nodes to perturbations, by a saturating network between them.

Yuan, Shen, Luna, Korkut, Marks, Ingraham & Sander, "CellBox: interpretable machine learning for perturbation biology
with application to the design of cancer combination therapy", Cell Systems 12:128, 2021,
doi:10.1016/j.cels.2020.11.013. With levels x as changes from unperturbed samples and u the perturbation of each node,

    dx/ds = eps tanh((W x + u) / eps) - x,  x(0) = 0,    loss = |x(S) - measured|^2 + |dx/ds(S)|^2 + lambda |W|_1

W has no self-edges, no edges into nodes that nothing but their own perturbation moves (the activity of a drug), none
out of nodes that are named as phenotypes, and none from the former to the latter. Samples of one design are averaged.

Departures: the decay alpha of each node is 1, since steady states tell eps / alpha alone, so that s counts relaxations;
W and u are divided by eps, so that W is the slope at x = 0; Euler steps to S = 10 and a penalty on what still moves
there, instead of more and more steps of Heun; levels are in units of their root mean square over all nodes; the
strength of a perturbation is scaled by a learnt positive number, with the sign in which it moves its own node, since
designs often say only where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    Equations,
    HasEquations,
    HasNetwork,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.equations import of_genes, written
from cellflow_core.models.gene_networks.group_networks import chosen_genes
from cellflow_core.plural import counted

STEP, RELAXATIONS = 0.5, 10.0
"""Euler's step, and how long a response is followed."""
DRAWN = 16
"""Designs in one step of the training."""
CEILING = 2.0
"""First saturation of each node, relative to its largest measured change."""
STILL = 1e-6
"""A level below this (root mean square 1) counts as one that did not move."""
START = 0.01
"""Standard deviation of the first weights."""


@dataclass(frozen=True)
class Settings(Config):
    phenotypes: str = setting(
        "",
        "axes that act on no other, such as the viability of cells, separated by commas; empty: none",
        label="Phenotypes",
    )
    sparsity: float = setting(
        0.02, "weight lambda of the sum of all influences on a node: fewer edges", 0.0, 10.0, label="Sparsity λ"
    )


class Designs(NamedTuple):
    """Mean response z and strength p of each distinct design that was measured, both [designs, nodes]."""

    z: Tensor
    p: Tensor


class CellBox(DynamicsModel, HasVelocity, HasNetwork, HasEquations):
    title = "CellBox (after Yuan et al. 2021)"
    summary = (
        "Learns a network between measured nodes whose steady states are the measured responses to drugs or "
        "knock-outs, and predicts combinations that were not measured."
    )
    limitation = (
        "It is fitted to steady states: its time counts relaxations, not hours, and courses before the steady state "
        "are a guess. Other networks may give the same responses."
    )
    paper = "Yuan et al. 2021, Cell Systems 12:128, doi:10.1016/j.cels.2020.11.013"
    needs = frozenset({DataRequirement.GENE_AXES, DataRequirement.PERTURBATION})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1000, "learning_rate": 1e-2}
    Config = Settings
    config: Settings

    origin: Tensor  # [nodes]: levels without a perturbation (state)
    unit: Tensor  # (state); 0 before it is measured
    direction: Tensor  # [nodes]: in which a positive strength moves its own node, 1 or -1
    ceiling: Tensor  # [nodes]: where saturation starts to be learnt from, in units
    edges: Tensor  # [nodes, nodes]: 1 where the source in the column may act on the target in the row
    controls: Tensor  # samples without a perturbation

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        none = np.zeros(spec.dim, dtype=bool)
        self.ends = torch.from_numpy(chosen_genes(config.phenotypes, spec.genes, "axes") if config.phenotypes else none)
        self.weight = nn.Parameter(START * torch.randn(spec.dim, spec.dim))
        self.strength = nn.Parameter(torch.full((spec.dim,), float(np.log(np.e - 1))))  # softplus of it is 1
        self.gain = nn.Parameter(torch.full((spec.dim,), float(np.log(np.e - 1))))
        self.register_buffer("origin", torch.zeros(spec.dim))
        self.register_buffer("unit", torch.zeros(()))
        self.register_buffer("direction", torch.ones(spec.dim))
        self.register_buffer("ceiling", torch.ones(spec.dim))
        self.register_buffer("edges", torch.ones(spec.dim, spec.dim))
        self.register_buffer("controls", torch.zeros((), dtype=torch.int64))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("responses", (Update(self.loss, self.parameters()),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Designs:
        """Raises ValueError where a target is no axis, or nothing is perturbed."""
        x, p = torch.cat(frames.x), self._strengths(frames)
        known = p.isfinite().all(dim=1)
        x, p = x[known], p[known]
        rows, which = torch.unique(p, dim=0, return_inverse=True)
        if not self.unit:  # the validation samples come second
            self._measure(x, p)
        z = torch.zeros_like(rows).index_add_(0, which, (x - self.origin) / self.unit)
        perturbed = (rows != 0).any(dim=1)
        return Designs((z / which.bincount(minlength=len(rows))[:, None])[perturbed], rows[perturbed])

    def _strengths(self, frames: SnapshotTensors) -> Float[Tensor, "samples nodes"]:
        of = "perturbation of "
        given = {name.removeprefix(of): torch.cat(each) for name, each in frames.cell_data.items() if of in name}
        if absent := [each for each in given if each not in self.spec.genes]:
            raise ValueError(
                f"{counted(len(absent), 'target')} of the design, {absent[0]!r} for one, are no axes of the data: "
                f"{self.title} needs each drug or perturbed gene as an axis"
            )
        found = torch.zeros(sum(map(len, frames.x)), self.spec.dim, device=frames.x[0].device)
        for name, strength in given.items():
            found[:, self.spec.genes.index(name)] = strength.float()
        return found

    def _measure(self, x: Float[Tensor, "samples nodes"], p: Float[Tensor, "samples nodes"]) -> None:
        control = (p == 0).all(dim=1)
        if control.all():
            raise ValueError("no sample is perturbed, so there is no response to learn from")
        self.controls.copy_(control.sum())
        if control.any():
            self.origin.copy_(x[control].mean(dim=0))
        change = x - self.origin
        self.unit.copy_(change[~control].square().mean().sqrt())
        if not self.unit > 0:
            raise ValueError("no perturbation changes anything, so there is no response to learn from")
        self.ceiling.copy_(CEILING * (change.abs().max(dim=0).values / self.unit).clamp_min(STILL))
        self.direction.copy_(torch.where((change * p).sum(dim=0) < 0, -1.0, 1.0))
        moved = (change.abs() > STILL * self.unit) & (p == 0)
        inputs, ends = (p != 0).any(dim=0) & ~moved.any(dim=0), self.ends.to(x.device)
        allowed = ~torch.eye(len(ends), dtype=torch.bool, device=x.device) & ~inputs[:, None] & ~ends
        self.edges.copy_(allowed & ~(ends[:, None] & inputs))

    def loss(self, batch: Batch) -> Loss:
        pool: Designs = batch.pool
        rows = torch.randint(len(pool.z), (DRAWN,), generator=batch.rng, device=pool.z.device)
        drive = self.drive(pool.p[rows])
        z = self.steady(drive)
        error, moving = (z - pool.z[rows]).square().mean(), self.rates(z, drive).square().mean()
        influence = (self.weight * self.edges).abs().sum(dim=1).mean()
        terms = {"response": error.detach(), "still moving": moving.detach(), "influence": influence.detach()}
        return Loss(error + moving + self.config.sparsity * influence, terms)

    def rates(
        self, z: Float[Tensor, "cells nodes"], drive: Float[Tensor, "cells nodes"]
    ) -> Float[Tensor, "cells nodes"]:
        """dz/ds under u = `drive`."""
        most = self.ceiling * nn.functional.softplus(self.strength)
        return most * torch.tanh((z @ (self.weight * self.edges).T + drive) / most) - z

    def steady(self, drive: Float[Tensor, "cells nodes"]) -> Float[Tensor, "cells nodes"]:
        """z after the relaxations, from the unperturbed state on."""
        z = torch.zeros_like(drive)
        for _ in range(round(RELAXATIONS / STEP)):
            z = z + STEP * self.rates(z, drive)
        return z

    def drive(self, p: Float[Tensor, "cells nodes"]) -> Float[Tensor, "cells nodes"]:
        """u of perturbations of these strengths."""
        return self.direction * nn.functional.softplus(self.gain) * p

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch nodes"], context: Context
    ) -> Float[Tensor, "batch nodes"]:
        """Under the perturbation of the context (state, a relaxation taking the time 1)."""
        p = torch.zeros_like(x)
        for name, strength in context.perturbation.items():
            p[:, self.spec.genes.index(name)] = strength.to(x)
        return self.unit * self.rates((x - self.origin) / self.unit, self.drive(p))

    @torch.no_grad()
    def response(self, strengths: Mapping[str, float]) -> Float[Tensor, " nodes"]:
        """Steady levels (state) under perturbations of these strengths, as in the design.

        Raises KeyError for a name that is no axis.
        """
        if unknown := [each for each in strengths if each not in self.spec.genes]:
            raise KeyError(f"{unknown[0]!r} is no axis of these data")
        p = torch.zeros(1, self.spec.dim, device=self.origin.device)
        for name, strength in strengths.items():
            p[:, self.spec.genes.index(name)] = strength
        return self.origin + self.unit * self.steady(self.drive(p))[0]

    def notes(self) -> tuple[str, ...]:
        if self.controls:
            return (
                f"Levels are changes from the mean of {counted(int(self.controls), 'sample')} without perturbation.",
            )
        return ("No sample is without perturbation: levels are taken as changes from the unperturbed state.",)

    @torch.no_grad()
    def network(self, group: str = "") -> Float[Tensor, "nodes nodes"]:
        """How much a source changes the rate of a target near the unperturbed state."""
        if group:
            raise KeyError(f"there is no group {group!r}: this network is of all samples")
        return self.weight * self.edges

    @torch.no_grad()
    def equations(self) -> Equations:
        most = self.ceiling * nn.functional.softplus(self.strength)
        return Equations(
            form=r"\frac{dx_i}{ds} = \varepsilon_i \tanh\frac{\sum_j w_{ij} x_j + u_i}{\varepsilon_i} - x_i",
            meaning="x is the change of a level from the unperturbed state, (measured − shift) / unit; u is the "
            "perturbation of the node, 0 without one; s counts relaxations.",
            products=of_genes(self.spec.dim),
            coefficients=self.weight * self.edges,
            before=written("{} tanh((", most),
            after=written(" + u) / {}) − @", most),
            exact=True,
            quantity="weight",
            level="x_{@}",
            scale=torch.stack([self.origin, self.unit.expand(self.spec.dim)], dim=1),
        )
