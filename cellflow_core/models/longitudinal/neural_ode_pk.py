"""Neural-ODE-PK: a neural ODE into which doses are added, for forecasts under another regimen.

Lu, Deng, Zhang, Liu & Guan, "Neural-ODE for pharmacokinetics modeling and its advantage to alternative machine learning
models in predicting new dosing regimens", iScience 2021, doi:10.1016/j.isci.2021.102804: a GRU reads the early
concentrations backward and gives q(z_0); the dose is added to the first component of z; the concentration is read from
z and from what is known of the individual:

    dz/dt = f(z, u),    z_1 <- z_1 + D at a dose,    C = head(z, u),    u ~ q(z_0 | history)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.models.individuals.latent_course import LatentCourse, LatentSettings
from cellflow_core.models.networks.mlp import MLP


@dataclass(frozen=True)
class Settings(LatentSettings):
    pass


class NeuralODEPK(LatentCourse):
    title = "Neural-ODE-PK (after Lu et al. 2021)"
    summary = "A neural ODE into which doses are added: from early values of a person to its course under any regimen."
    paper = "Lu et al. 2021, doi:10.1016/j.isci.2021.102804"
    needs = LatentCourse.needs | {DataRequirement.DOSE}

    Config = Settings
    config: Settings

    def make_decoder(self) -> None:
        use = self.config
        self.net = MLP(2 * use.latent, use.latent, use.width, use.depth)
        self.head = MLP(2 * use.latent, self.spec.dim, use.width, 1)

    def initial(self, u: Tensor) -> Tensor:
        return torch.zeros_like(u)

    def field(self, z: Tensor, u: Tensor) -> Tensor:
        return self.net(torch.cat([z, u], dim=1))

    def jump(self, z: Tensor, amount: Tensor) -> Tensor:
        return torch.cat([z[:, :1] + amount, z[:, 1:]], dim=1)

    def read(self, z: Tensor, u: Tensor) -> Tensor:
        return self.head(torch.cat([z, u], dim=2))
