"""Latent ODE: a hidden state of each individual moves by a neural ODE, from a beginning that its history narrows down.

Rubanova, Chen & Duvenaud, "Latent ODEs for irregularly-sampled time series", NeurIPS 2019, arXiv:1907.03907: an ODE-RNN
reads the history backward and gives q(z_0), dz/dt = f(z), and a network reads the variables from z. Doses, which the
paper does not have, move the state along a learnt direction (`individuals.latent_course`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cellflow_core.models.individuals.latent_course import LatentCourse, LatentSettings


@dataclass(frozen=True)
class Settings(LatentSettings):
    pass


class LatentODE(LatentCourse):
    title = "Latent ODE (after Rubanova et al. 2019)"
    summary = "A hidden state of each individual moves by a neural ODE from a beginning that its history narrows down."
    paper = "Rubanova, Chen & Duvenaud 2019, arXiv:1907.03907"
    flows: ClassVar[bool] = True

    Config = Settings
    config: Settings
