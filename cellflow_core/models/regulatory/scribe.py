"""Scribe: which gene's level tells the next level of another, beyond what the other's own level tells.

Qiu, Rahimzamani, Wang, Ren, Mao, Durham, McFaline-Figueroa, Saunders, Trapnell & Kannan, "Inferring causal gene
regulatory networks from coupled single-cell expression dynamics using Scribe", Cell Systems 10:265, 2020,
doi:10.1016/j.cels.2020.02.003. The restricted directed information from j to i is

    w_ij = I(x_j before; x_i after | x_i before),

by nearest neighbors (gene_networks/conditional_information.py) of ranks. What is before and after, `motion` says:

    "times"     cells of consecutive times, paired by optimal transport of standardised levels
    "velocity"  a cell, and its RNA velocity in the place of the level after
    "series"    consecutive rows of an individual

Departures: one step ahead, where the authors take the largest of several delays along a pseudotime, and no
conditioning on third genes; an edge has the sign of the partial correlation, since information has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import DynamicsModel, HasNetwork, Phase
from cellflow_core.models.gene_fields.motion import NEEDS
from cellflow_core.models.gene_networks.conditional_information import (
    directed_information,
    partial_correlation,
    ranks,
)
from cellflow_core.models.transport.ot_solvers import Blockwise
from cellflow_core.models.transport.pair_sampler import Pairing

MOST_GENES = 400
"""Genes between all of which information is estimated; more would take hours."""
Steps = tuple[Tensor, Tensor]
"""Levels before and after, each [steps, genes]."""


@dataclass(frozen=True)
class Settings(Config):
    motion: Literal["times", "velocity", "series"] = setting(
        "times",
        "what stands for a step in time: cells of consecutive times, paired by optimal transport; the RNA velocity of "
        "a cell; or the next row of an individual",
        choice_labels={"times": "measured times", "velocity": "RNA velocity", "series": "followed individuals"},
        label="Source of the motion",
    )
    neighbors: int = setting(5, "nearest neighbors of an estimate", 1, 100, label="Nearest neighbors k")
    points: int = setting(500, "most steps that are used, drawn at random", 20, 5000, label="Most steps")


class Scribe(DynamicsModel, HasNetwork):
    title = "Scribe (after Qiu et al. 2020)"
    summary = (
        "Asks which gene's level tells the next level of another beyond what that gene's own level tells: a directed "
        "network from any kind of motion."
    )
    limitation = (
        "Information about the future is not yet a cause: a third gene may tell both. Pairs of cells of two times are "
        "guesses, and few cells give noisy estimates."
    )
    paper = "Qiu et al. 2020, Cell Systems 10:265, doi:10.1016/j.cels.2020.02.003"
    needs = frozenset({DataRequirement.GENE_AXES})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = Settings
    config: Settings

    influence: Tensor  # [genes, genes]

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.dim > MOST_GENES:
            raise ValueError(f"{self.title} takes at most {MOST_GENES} genes, and these data have {spec.dim:,}")
        self.pairing = Pairing(Blockwise())
        self.register_buffer("influence", torch.zeros(spec.dim, spec.dim))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | NEEDS[config.motion]

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("directed information", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        before, after = self._steps(frames, rng)
        if len(before) > self.config.points:
            drawn = torch.randperm(len(before), generator=rng, device=rng.device)[: self.config.points]
            before, after = before[drawn], after[drawn]
        before, after = ranks(before).cpu(), ranks(after).cpu()
        size = directed_information(before, after, self.config.neighbors)
        self.influence.copy_(size * torch.sign(partial_correlation(before, after)))

    def _steps(self, frames: SnapshotTensors, rng: torch.Generator) -> Steps:
        if self.config.motion == "velocity":
            return torch.cat(frames.x), torch.cat(frames.cell_data["velocity"])
        if self.config.motion == "series":
            return _series(frames)
        x = torch.cat(frames.x)
        scale = x.std(dim=0, correction=0).clamp(min=1e-6 * float(x.abs().max()) + 1e-30)
        pairs = self.pairing.prepare(replace(frames, x=tuple(each / scale for each in frames.x)), rng)
        assert pairs is not None  # these pairs have plans
        found = pairs.sample(-(-self.config.points // len(pairs.plans)), rng)
        return found.x0, found.x1

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        return self.influence


def _series(frames: SnapshotTensors) -> Steps:
    """Every row of an individual and its next one. Raises ValueError where no individual has two."""
    x, who = torch.cat(frames.x), torch.cat(frames.cell_data["subject"])
    order = torch.argsort(who, stable=True)  # rows are in order of time
    follows = who[order][1:] == who[order][:-1]
    if not follows.any():
        raise ValueError("no individual was measured twice, so there is no step to learn from")
    return x[order][:-1][follows], x[order][1:][follows]
