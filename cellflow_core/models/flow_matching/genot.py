"""GENOT: for every cell a flow from noise to the cells that it may become.

Klein, Uscidda, Theis & Cuturi, "GENOT: entropic (Gromov) Wasserstein flow matching with applications to single-cell
genomics", NeurIPS 2024, arXiv:2310.09254. With the entropic plan pi between cells x0 of one time and x1 of the next,

    E |v(s, z_s | x) - (y - z)|^2 -> min    over noise z, targets y of x and z_s between (models/conditional_flow.py)

so that drawing noise and following v draws from pi(. | x) (section 3.1). Here y is the displacement x1 - x0 in spreads
of the data, and x is the cell at a share r of its straight way x0 + r (x1 - x0), half of them at r = 0: so a cell may
start between measured times too, and is sent where those go that pass there. In between cells move straight.

Two modalities (sections 3.2 and 4): with `second`, the plan is that of fused Gromov-Wasserstein. Its first modality is
the state, compared across times; of its second one only distances within a time are used, so that it need not mean the
same at two times: between what else was measured in the same cells (chromatin, proteins) or RNA velocities (Euclidean),
or between clones (0 within one, 1 between two or where unknown).
That plan is exact instead of entropic (models/plans.py): chance is then in cells that look alike and part all the same.
Balanced plans only: the paper's rescaling functions are not learnt, and no growth is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasSampler, Loss, Phase, Update
from cellflow_core.models.networks.conditional_flow import ConditionalFlow
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.pair_sampler import Coupling, PairSampler
from cellflow_core.models.transport.transport_plans import OTConfig

SECOND: Mapping[str, frozenset[DataRequirement]] = {
    "none": frozenset(),
    "second_modality": frozenset({DataRequirement.MODALITY}),
    "velocity": frozenset({DataRequirement.VELOCITY}),
    "lineage": frozenset({DataRequirement.LINEAGE}),
}
"""What the data must have for each choice of `second`, which is its name in `SnapshotTensors.about` too."""


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(96, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    structure: Literal["none", "second_modality", "velocity", "lineage"] = setting(
        "none",
        "what else is known of cells: the plan keeps its distances within a time (fused Gromov-Wasserstein)",
        choice_labels={
            "none": "nothing else",
            "second_modality": "a second modality",
            "velocity": "RNA velocity",
            "lineage": "lineage barcodes",
        },
    )
    epsilon: float = setting(
        0.05, "how much chance there is in who becomes whom (second none)", 0.001, 10.0, "mean squared distances"
    )
    alpha: float = setting(0.5, "weight of the second modality against the state", 0.0, 1.0)


class GENOT(DynamicsModel, HasSampler):
    title = "GENOT"
    summary = (
        "Draws, for every cell, the later cells that it may become, the likely ones more often: one start can have "
        "several ends. It tells who becomes what, not what drives a cell."
    )
    paper = "Klein et al., NeurIPS 2024, arXiv:2310.09254"

    Config = Settings
    config: Settings

    center: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.flow = ConditionalFlow(spec.dim, spec.dim + 2, config.width, config.depth)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.flow.parameters()),), prepare=self.prepare),)

    @property
    def coupling(self) -> Coupling:
        return "sinkhorn" if self.config.structure == "none" else "fused"

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | SECOND[config.structure]

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> PairSampler | None:
        """The plan of each interval."""
        how = OTConfig(epsilon=self.config.epsilon, structure_key=self.config.structure, alpha=self.config.alpha)
        return pair_sampler.prepare(self.coupling, frames, rng, how)

    def loss(self, batch: Batch) -> Loss:
        pair = pair_sampler.sample(self.coupling, batch)
        passed, late = torch.rand((2, len(pair.t0)), generator=batch.rng, device=pair.t0.device)
        passed = torch.where(late < 0.5, passed, 0.0)
        known = self._known(torch.lerp(pair.x0, pair.x1, passed[:, None]), pair.t0, passed)
        total = self.flow.loss((pair.x1 - pair.x0) / self.spec.scale, known, batch.rng)
        return Loss(total, {"velocity": total.detach()})

    def _known(self, x: Tensor, t0: Tensor, passed: Tensor) -> Tensor:
        """The condition of the flow: where a cell is, in which interval, and how much of that has passed."""
        interval = (t0 - self.spec.times[0]) / self.spec.interval
        return torch.cat([(x - self.center) / self.spec.scale, interval[:, None], passed[:, None]], dim=1)

    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """In each interval one target is drawn for each cell, which goes there straight and begins anew. Before the
        first and after the last measured time cells stand still."""
        here, now, known = x0, times[0], self.spec.times
        found = torch.stack([x0] * len(times))
        for t0, t1 in pairwise(known):
            begin = max(now, t0)
            if t1 <= begin or times[-1] <= t0:
                continue
            first, passed = (here.new_full((len(here),), each) for each in (t0, (begin - t0) / (t1 - t0)))
            speed = self.flow.sample(self._known(here, first, passed), rng) * self.spec.scale / (t1 - t0)
            for k, time in enumerate(times):
                if time > begin:
                    found[k] = here + speed * (min(time, t1) - begin)
            here, now = here + speed * (t1 - begin), t1
        return found
