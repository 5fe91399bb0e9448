"""What simulators of unspliced and spliced RNA share: rates drawn with the seed, and RNA as it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.transcription.splicing import LATENT
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray


@dataclass(frozen=True)
class RnaSettings(Config):
    """Rates of a typical gene, and how its RNA is measured."""

    transcription_rate: float = setting(
        20.0,
        "Transcription rate alpha of an active gene (typical gene)",
        0.1,
        1000.0,
        "1/hour",
        label="Transcription rate α",
    )
    splicing_rate: float = setting(
        1.0, "Splicing rate beta (typical gene)", 0.02, 20.0, "1/hour", label="Splicing rate β"
    )
    degradation_rate: float = setting(
        0.5, "Degradation rate gamma (typical gene)", 0.02, 20.0, "1/hour", label="Degradation rate γ"
    )
    rate_heterogeneity: float = setting(0.3, "Standard deviation of the logarithm of the rates between genes", 0.0, 1.5)
    measured: Literal["levels", "counts"] = setting(
        "counts", "RNA levels with measurement noise, or counted molecules", label="Measurement"
    )
    measurement_error_sd: float = setting(
        0.03,
        "Standard deviation of the measurement noise, relative to the highest level of the gene",
        0.0,
        0.5,
        label="Measurement noise",
    )
    capture_rate: float = setting(0.5, "Fraction of the molecules that is counted", 0.01, 1.0)
    seed: int = setting(0, "Random seed: another one draws other genes and cells", 0)

    @property
    def scale(self) -> float:
        """Measured units of a molecule."""
        return self.capture_rate if self.measured == "counts" else 1.0

    def rates(self, genes: int) -> Float[Array, "3 genes"]:
        """alpha, beta and gamma of each gene (1 / hour), log-normal around those of a typical gene."""
        rng = np.random.default_rng((self.seed, 1))
        typical = np.array([self.transcription_rate, self.splicing_rate, self.degradation_rate])
        return (typical * np.exp(self.rate_heterogeneity * rng.standard_normal((genes, 3)))).T

    def measure(
        self, unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"], rng: np.random.Generator
    ) -> dict[str, Float[Array, "cells genes"]]:
        """Both layers of cells with these levels: counts (Poisson), or levels with an error, reflected at 0."""
        return dict(zip(("unspliced", "spliced"), self.measured_levels(rng, unspliced, spliced), strict=True))

    def measure_labelled(
        self,
        levels: tuple[Float[Array, "cells genes"], Float[Array, "cells genes"]],
        old: tuple[Float[Array, "cells genes"], Float[Array, "cells genes"]],
        efficiency: float,
        rng: np.random.Generator,
    ) -> dict[str, Float[Array, "cells genes"]]:
        """As `measure`, with new (labelled) and total RNA of both kinds; labelled RNA is measured apart from the rest.

        levels, old  unspliced and spliced RNA: all of it, and what was there before the pulse
        efficiency   fraction of the new RNA that is found to be labelled
        """
        labelled = [efficiency * np.maximum(both - before, 0.0) for both, before in zip(levels, old, strict=True)]
        rest = [both - new for both, new in zip(levels, labelled, strict=True)]
        new_u, new_s, rest_u, rest_s = self.measured_levels(rng, *labelled, *rest)
        u, s = new_u + rest_u, new_s + rest_s
        return {"unspliced": u, "spliced": s, "new": new_u + new_s, "total": u + s}

    def measured_levels(
        self, rng: np.random.Generator, *levels: Float[Array, "cells genes"]
    ) -> tuple[Float[Array, "cells genes"], ...]:
        """Kinds of RNA of cells with these levels, each measured by itself, as `measure` does."""
        if self.measured == "counts":
            return tuple(rng.poisson(self.capture_rate * each).astype(float) for each in levels)
        errors = [self.measurement_error_sd * each.max(axis=0) * rng.standard_normal(each.shape) for each in levels]
        return tuple(np.abs(each + error) for each, error in zip(levels, errors, strict=True))


@dataclass(frozen=True)
class LineageSettings(RnaSettings):
    """When the cells of a lineage are measured."""

    cells_per_time: int = setting(1500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(1, "Number of time points; with 1, one snapshot holds all stages", 1, 50)
    last_time: float = setting(14.0, "Last time point", 0.5, 200.0, "hour")
    latent_time_sd: float = setting(
        0.5,
        "Standard deviation of latent time within a time point",
        0.0,
        20.0,
        "hour",
        label="Standard deviation of latent time",
    )


def snapshots(
    state: Float[Array, "cells genes"],
    velocity: Float[Array, "cells genes"],
    t: Float[Array, " cells"],
    genes: tuple[str, ...],
    latent: Float[Array, " cells"] | None,
    labels: dict[str, Array] | None = None,
    unit: str = "hour",
) -> Snapshots:
    """RNA as the state, with its true velocity and, as a covariate, the latent time where cells have one."""
    return Snapshots(
        state.astype(np.float32),
        t,
        AffineSpace.of_genes(genes),
        unit,
        velocity=velocity.astype(np.float32),
        labels=labels or {},
        covariates={} if latent is None else {LATENT: latent},
    )


def latent_times(
    times: int, cells: int, last: float, sd: float, rng: np.random.Generator
) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """(time of measurement, latent time) of each cell: around its time, or evenly over all stages of one snapshot."""
    if times == 1:
        return np.zeros(cells), rng.uniform(0, last, cells)
    t = np.repeat(np.linspace(0, last, times), cells)
    return t, np.abs(t + sd * rng.standard_normal(len(t)))
