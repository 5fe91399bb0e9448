"""GENOT: for every cell a flow from noise to its possible descendants.

Klein, Uscidda, Theis & Cuturi, "GENOT: entropic (Gromov) Wasserstein flow matching with applications to single-cell
genomics", NeurIPS 2024, arXiv:2310.09254. With the entropic plan pi between cells x0 of one time and x1 of the next,

    E |v(s, z_s | x) - (y - z)|^2 -> min    over noise z, targets y of x, z_s between (networks/conditional_flow.py)

so that integrating v from noise samples from pi(. | x) (section 3.1). Here y is the displacement x1 - x0 in standard
deviations of the data, and x is the cell at a fraction r of its straight path x0 + r (x1 - x0), half of them at r = 0:
so a cell may start between measured times too. Between the times cells move straight.

Two modalities (sections 3.2 and 4): with `structure`, the plan is that of fused Gromov-Wasserstein. Its first modality
is the state, compared across times; of its second one only distances within a time are used, so that it need not mean
the same at two times: between what else was measured in the same cells (chromatin, proteins) or RNA velocities
(Euclidean), or between clones (0 within one, 1 between two or where unknown). That plan is exact instead of entropic
(transport/ot_solvers.py): the law of x1 given x is then spread only where cells of like states have different partners.
Departure from the paper: balanced plans only; its rescaling functions are not learnt, and no growth is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasSampler, Loss, Phase, Update
from cellflow_core.models.networks.conditional_flow import ConditionalFlow
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.transport.ot_solvers import Entropic, FusedGromovWasserstein
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import COST_UNIT

STRUCTURES: Mapping[str, frozenset[DataRequirement]] = {
    "none": frozenset(),
    "second_modality": frozenset({DataRequirement.MODALITY}),
    "velocity": frozenset({DataRequirement.VELOCITY}),
    "lineage": frozenset({DataRequirement.LINEAGE}),
}
"""What the data must have for each choice of `structure`, which is its name in `SnapshotTensors.cell_data` too."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    width: int = with_default(MLPSettings, "width", 96)
    structure: Literal["none", "second_modality", "velocity", "lineage"] = setting(
        "none",
        "second modality of fused Gromov-Wasserstein: the plan preserves its distances within a time",
        choice_labels={
            "none": "none",
            "second_modality": "a second modality",
            "velocity": "RNA velocity",
            "lineage": "lineage barcodes",
        },
        label="Second modality (fused GW)",
    )
    epsilon: float = setting(
        0.05, "entropic regularisation epsilon of the plan, without a second modality", 0.001, 10.0, COST_UNIT
    )
    alpha: float = setting(0.5, "weight alpha of the second modality against the state", 0.0, 1.0)


class GENOT(DynamicsModel, HasSampler):
    title = "GENOT (after Klein et al.)"
    summary = (
        "Samples the possible descendants of every cell from the conditional law of a transport plan: one initial cell "
        "can have several fates. It has no field that drives the cells."
    )
    paper = "Klein et al., NeurIPS 2024, arXiv:2310.09254"

    Config = Settings
    config: Settings

    center: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.flow = ConditionalFlow(spec.dim, spec.dim + 2, config.width, config.depth)
        fused = FusedGromovWasserstein(config.structure, config.alpha)
        self.pairing = Pairing(Entropic(config.epsilon) if config.structure == "none" else fused)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.flow.parameters()),), prepare=self.pairing.prepare),)

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | STRUCTURES[config.structure]

    def loss(self, batch: Batch) -> Loss:
        pair = self.pairing.sample(batch)
        s, between = torch.rand((2, len(pair.t0)), generator=batch.rng, device=pair.t0.device)
        s = torch.where(between < 0.5, s, 0.0)
        condition = self._condition(torch.lerp(pair.x0, pair.x1, s[:, None]), pair.t0, s)
        total = self.flow.loss((pair.x1 - pair.x0) / self.spec.scale, condition, batch.rng)
        return Loss(total, {"velocity": total.detach()})

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def _condition(self, x: Tensor, t0: Tensor, s: Tensor) -> Tensor:
        """The condition of the flow: the state of a cell, its interval, and the elapsed fraction of that."""
        interval = (t0 - self.spec.times[0]) / self.spec.interval
        return torch.cat([(x - self.center) / self.spec.scale, interval[:, None], s[:, None]], dim=1)

    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """In each interval one target is sampled for each cell, which moves there straight. Before the first and after
        the last measured time cells do not move."""
        x, now = x0, times[0]
        states = torch.stack([x0] * len(times))
        for t0, t1 in pairwise(self.spec.times):
            start = max(now, t0)
            if t1 <= start or times[-1] <= t0:
                continue
            first, s = (x.new_full((len(x),), each) for each in (t0, (start - t0) / (t1 - t0)))
            velocity = self.flow.sample(self._condition(x, first, s), rng) * self.spec.scale / (t1 - t0)
            for k, time in enumerate(times):
                if time > start:
                    states[k] = x + velocity * (min(time, t1) - start)
            x, now = x + velocity * (t1 - start), t1
        return states
