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

With `coupling` unbalanced (section 3.3 there) the plan has relaxed marginals, of which the paper learns two rescaling
functions, eta of the earlier cells and xi of the later ones. Here one network learns the growth rate of the pairs that
pass a place, log(eta) / T where only the earlier cells' marginal is relaxed: the mass of a pair changes evenly along
its path, as in flow_matching/uot_cfm.py, and each pair counts by its mass there. Fused plans are balanced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasSampler, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import growth_loss, sum_of
from cellflow_core.models.networks.conditional_flow import ConditionalFlow
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP
from cellflow_core.models.paths.path_sample import at_fraction
from cellflow_core.models.transport.ot_solvers import Entropic, FusedGromovWasserstein, OTSolver, Unbalanced
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import COST_UNIT, RELAX_HELP, OptionalGrowthSettings

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
    coupling: Literal["entropic", "unbalanced"] = setting(
        "entropic", "without a second modality: every cell has as many descendants, or cells divide and die"
    )
    epsilon: float = setting(
        0.05, "entropic regularisation epsilon of the plan, without a second modality", 0.001, 10.0, COST_UNIT
    )
    rho: float = with_default(OptionalGrowthSettings, "rho", 3.0)
    relax: Literal["source", "both"] = setting("source", f"unbalanced: {RELAX_HELP}")
    alpha: float = setting(0.5, "weight alpha of the second modality against the state", 0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.structure != "none" and self.coupling == "unbalanced":
            raise ValueError(
                "with a second modality no growth is learnt, but an unbalanced coupling asks for it: choose another "
                "coupling, or none as the structure"
            )

    @property
    def solver(self) -> OTSolver:
        """Of the plan between the cells of two times."""
        if self.structure != "none":
            return FusedGromovWasserstein(self.structure, self.alpha)
        unbalanced = self.coupling == "unbalanced"
        return Unbalanced(self.epsilon, self.rho, self.relax) if unbalanced else Entropic(self.epsilon)


class GENOT(DynamicsModel, HasSampler, HasGrowth):
    title = "GENOT (after Klein et al.)"
    summary = (
        "Samples the possible descendants of every cell from the conditional law of a transport plan: one initial cell "
        "can have several fates. It has no field that drives the cells."
    )
    paper = "Klein et al., NeurIPS 2024, arXiv:2310.09254"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    center: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.flow = ConditionalFlow(spec.dim, spec.dim + 2, config.width, config.depth)
        grows = config.coupling == "unbalanced"
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval) if grows else None
        self.pairing = Pairing(config.solver)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.parameters()),), prepare=self.pairing.prepare),)

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | STRUCTURES[config.structure]

    def loss(self, batch: Batch) -> Loss:
        pair = self.pairing.sample(batch)
        s, between = torch.rand((2, len(pair.t0)), generator=batch.rng, device=pair.t0.device)
        s = torch.where(between < 0.5, s, 0.0)
        at = at_fraction(pair, s, torch.lerp(pair.x0, pair.x1, s[:, None]), pair.x1 - pair.x0)
        target = (pair.x1 - pair.x0) / self.spec.scale
        terms = {"velocity": at.mean(self.flow.error(target, self._condition(at.x, pair.t0, s), batch.rng).square())}
        if self.rate is not None:
            terms["growth"] = growth_loss(self.rate, at, self.spec)
        return Loss(sum_of(terms), {name: each.detach() for name, each in terms.items()})

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

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """0 outside the measured times, where cells rest too. Raises ValueError where the coupling is balanced."""
        if self.rate is None:
            raise ValueError(f"{self.title} learns no growth unless it is trained with coupling 'unbalanced'")
        inside = (self.spec.times[0] <= t) & (t <= self.spec.times[-1])
        return self.rate(t, x)[:, 0] * inside
