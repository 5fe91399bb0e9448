"""Courses of genes that do not act on each other: what simulators of unspliced and spliced RNA share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasCourse, HasDrift, HasLayers, Simulator

Array = np.ndarray


class IndependentGenes(Simulator, HasCourse, HasLayers):
    """Genes that do not act on each other: holding one changes no other. The state is spliced RNA."""

    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times genes"]:
        """Expected spliced RNA at these latent times, but for what is held. Raises KeyError that lists the genes."""
        found = self.layer_courses(times)["spliced"]
        columns, held = sde.held_columns(self.axes, clamp)
        found[:, columns] = held
        return found


class OneLineage(IndependentGenes, HasDrift):
    """All cells follow one course, at their latent times: du/dt = alpha(t) - beta u, ds/dt = beta u - gamma s."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """Measured units of a molecule."""

    @property
    @abstractmethod
    def decay(self) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
        """(beta, gamma) of each gene (1 / hour)."""

    @abstractmethod
    def levels(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        """(unspliced, spliced) at these latent times, in molecules."""

    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Expected unspliced and spliced RNA at these latent times, in the units of `layers`."""
        u, s = self.levels(np.asarray(times, dtype=np.float64))
        return {"unspliced": self.scale * u, "spliced": self.scale * s}

    def spliced_velocity(self, latent: Float[Array, " cells"]) -> Float[Array, "cells genes"]:
        """ds/dt at these latent times, in the units of `layers`."""
        (u, s), (beta, gamma) = self.levels(latent), self.decay
        return self.scale * (beta * u - gamma * s)

    def drift(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
        """beta u(t) - gamma x, with t the latent time of the cells."""
        beta, gamma = self.decay
        return self.scale * beta * self.levels(np.array([t], dtype=np.float64))[0] - gamma * x

    def noise(self, t: float) -> Float[Array, " genes"]:
        """None: cells differ by their latent time and by the measurement alone."""
        return np.zeros(len(self.axes))
