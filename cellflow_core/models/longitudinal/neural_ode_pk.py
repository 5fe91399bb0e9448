"""Neural-ODE-PK: a neural ODE into which doses are added, for forecasts under another regimen.

Lu, Deng, Zhang, Liu & Guan, "Neural-ODE for pharmacokinetics modeling and its advantage to alternative machine learning
models in predicting new dosing regimens", iScience 2021, doi:10.1016/j.isci.2021.102804: a GRU reads the early
concentrations backward and gives q(z_0); the dose is added to the first component of z; the concentration is read from
z and from what is known of the individual:

    dz/dt = f(z, u),    z_1 <- z_1 + D at a dose,    C = head(z, u),    u ~ q(z_0 | history),    z(0) = 0

With linear kinetics, the default, f(z, u) = A(u) z and C = w(u) z, where a network gives the rates of exchange and loss
of a few compartments, and w, none of them negative: a doubled dose doubles the concentration, which is never negative,
and pieces between events are exact, z <- exp(A h) z.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.models.individuals.latent_course import LatentCourse, LatentSettings
from cellflow_core.models.individuals.schedule import Schedule
from cellflow_core.models.networks.mlp import MLP

LOG_RATES = (-8.0, 4.0)
"""Bounds of the logarithms of rates (1 / mean interval between measurements)."""


@dataclass(frozen=True)
class Settings(LatentSettings):
    kinetics: Literal["linear", "network"] = setting(
        "linear",
        "concentrations are proportional to doses (compartments whose rates a network gives for each individual), or "
        "follow a network, as published",
        choice_labels={"linear": "linear in the dose", "network": "any, as published"},
    )
    compartments: int = setting(4, "linear kinetics: number of compartments", 1, 12)
    concentration: str = setting("", "variable that is the concentration; empty: the first", label="Concentration")


class NeuralODEPK(LatentCourse):
    title = "Neural-ODE-PK (after Lu et al. 2021)"
    summary = "A neural ODE into which doses are added: from early values of a person to its course under any regimen."
    paper = "Lu et al. 2021, doi:10.1016/j.isci.2021.102804"
    needs = LatentCourse.needs | {DataRequirement.DOSE}
    default_training: ClassVar[Mapping[str, Any]] = {**LatentCourse.default_training, "learning_rate": 0.015}

    Config = Settings
    config: Settings

    def make_decoder(self) -> None:
        use, spec = self.config, self.spec
        if use.concentration and use.concentration not in spec.genes:
            raise ValueError(f"there is no variable {use.concentration!r}: there are {', '.join(spec.genes)}")
        self.drug = spec.genes.index(use.concentration) if use.concentration else 0
        if use.kinetics == "network":
            self.net = MLP(2 * use.latent, use.latent, use.width, use.depth)
            self.head = MLP(2 * use.latent, spec.dim, use.width, 1)
        else:
            size = use.compartments
            self.net = MLP(use.latent, size * size + size, use.width, use.depth)
            self.head = MLP(size + use.latent, spec.dim - 1, use.width, 1) if spec.dim > 1 else None

    def initial(self, u: Tensor) -> Tensor:
        return torch.zeros_like(u)

    def field(self, z: Tensor, u: Tensor) -> Tensor:
        return self.net(torch.cat([z, u], dim=1))

    def jump(self, z: Tensor, amount: Tensor) -> Tensor:
        return torch.cat([z[:, :1] + amount, z[:, 1:]], dim=1)

    def read(self, z: Tensor, u: Tensor) -> Tensor:
        assert self.head is not None
        return self.head(torch.cat([z, u], dim=2))

    def decode(self, u: Float[Tensor, "batch latent"], plan: Schedule) -> Float[Tensor, "batch rows variables"]:
        if self.config.kinetics == "network":
            return super().decode(u, plan)
        size, dose = self.config.compartments, self.scales.dose
        rates, weights = self.net(u).clamp(*LOG_RATES).exp().split([size * size, size], dim=1)
        z = _amounts(rates.unflatten(1, (size, size)) / self.spec.interval, plan, dose)
        level = self.measurement.size[self.drug] * (z * weights[:, None]).sum(dim=2, keepdim=True)
        if self.head is None:
            return level
        others = [k for k in range(self.spec.dim) if k != self.drug]
        raw = self.read(z, u[:, None].expand(-1, z.shape[1], -1))
        rest = self.measurement.variables(raw, others)
        return torch.cat([rest[..., : self.drug], level, rest[..., self.drug :]], dim=2)


def _amounts(
    rates: Float[Tensor, "batch to from"], plan: Schedule, dose: Float[Tensor, ""]
) -> Float[Tensor, "batch rows compartments"]:
    """Amounts in the compartments (mean doses) at the times of the plan; doses enter the first one.

    rates  from one compartment to another (1 / time), on the diagonal out of the body
    """
    size = rates.shape[1]
    between = rates - torch.diag_embed(rates.diagonal(dim1=1, dim2=2))
    system = between - torch.diag_embed(rates.sum(dim=1))  # what leaves one compartment is in the others or lost
    enters = torch.eye(size + 1, 1, device=rates.device).expand(len(rates), -1, -1)
    system = torch.cat(
        [torch.nn.functional.pad(system, (0, 0, 0, 1)), enters], dim=2
    )  # the last state: rate of infusion
    steps = torch.matrix_exp(system[:, None] * plan.time.diff(dim=1)[..., None, None])
    z = torch.zeros(len(rates), size, device=rates.device)
    found, given, infused = [z], plan.amount.sum(dim=2) / dose, plan.rate.sum(dim=2) / dose
    for k in range(steps.shape[1]):
        start = torch.cat([z[:, :1] + given[:, k, None], z[:, 1:], infused[:, k, None]], dim=1)
        z = (steps[:, k] @ start[..., None])[:, :size, 0]
        found.append(z)
    return torch.stack(found, dim=1).gather(1, plan.asked[..., None].expand(-1, -1, size))
