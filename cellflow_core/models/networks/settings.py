"""Settings that methods share: the size of a network and the solver of its ordinary differential equation.

A method's `Settings` inherits what it uses, rightmost first in its form:

    class Settings(ODESettings, MLPSettings):
        depth: int = with_default(MLPSettings, "depth", 2)
        energy: float = setting(0.05, "weight lambda of the kinetic energy", 0.0, 100.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cellflow_core.config import Config, setting, with_default


@dataclass(frozen=True)
class MLPSettings(Config):
    """A multilayer perceptron."""

    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)


@dataclass(frozen=True)
class EncoderSettings(MLPSettings):
    """A variational autoencoder of the cells (`gaussian_encoder.GaussianEncoder`)."""

    width: int = with_default(MLPSettings, "width", 256)
    depth: int = with_default(MLPSettings, "depth", 1)
    latent_dim: int = setting(10, "dimensions of the latent state z of a cell", 1, 200, label="Latent dimensions")


@dataclass(frozen=True)
class ODESettings(Config):
    """Integration from one measured time to the next, as `ode_solver.ODESolver` does it."""

    solver: Literal["midpoint", "rk4", "dopri5"] = setting(
        "midpoint", "ODE solver; dopri5 adapts its step size to the tolerance"
    )
    substeps: int = setting(4, "fixed-step solvers: steps per interval between measured times", 1, 200, "steps")
    tolerance: float = setting(
        1e-3, "dopri5: local error tolerance of a step", 1e-8, 1.0, "standard deviations (pooled)"
    )
