"""scVelo's RNA velocity: on and off phases of each gene with a time of every cell in each, by the package scvelo.

Bergen et al., "Generalizing RNA velocity to transient cell states through dynamical modeling", Nat. Biotechnol.
38:1408, 2020, doi:10.1038/s41587-020-0591-3. Of every gene,

    du/dt = alpha_k - beta u,    ds/dt = beta u - gamma s,    alpha_k = alpha while it is on and 0 while it is off,

and expectation maximisation alternates the time of each cell on the curve with alpha, beta, gamma, the time of the
switch and the scale of unspliced RNA. The latent time of a cell is a quantile of its times over the genes, counted from
root cells. Velocity and latent time are those of the cells; between them they are interpolated from the nearest ones.

`make scvelo` installs the package (BSD-3). It gets the moments of the cells as they are, and neighbors in the principal
components of log(1 + spliced moments); nothing is filtered or normalised again (splicing/scvelo_package.py).
Genes are fitted in blocks, between which the training can be cancelled.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasKinetics, HasLatentTime, HasVelocity, KineticRates, Phase
from cellflow_core.models.splicing.estimator import SplicingModel, whole
from cellflow_core.models.splicing.interpolation import Interpolation
from cellflow_core.models.splicing.kinetics import switched_course
from cellflow_core.models.splicing.scvelo_package import fit

_NO_ROOTS = (
    "The random walk along the velocities found no root cells: latent time is counted from the cells with the earliest "
    "times of their genes, and may run backwards."
)


@dataclass(frozen=True)
class Settings(Config):
    neighbors: int = setting(30, "neighbors of a cell over which times are averaged", 5, 200)
    iterations: int = setting(10, "iterations of expectation maximisation of each gene", 1, 100)
    scaling: bool = setting(
        True,
        "fit the scale of unspliced RNA relative to spliced RNA; off: both were captured alike",
        label="Fit the scale of unspliced RNA",
    )
    velocity_genes: bool = setting(
        True, "genes that the package rejects by likelihood, R² or scale have no velocity; off: all fitted genes have"
    )


class ScVelo(SplicingModel, HasVelocity, HasLatentTime, HasKinetics):
    title = "scVelo, dynamical model"
    summary = "Fits on and off phases of every gene and the time of each cell in them, by the package scvelo."
    limitation = (
        "It takes the rates of a gene to be the same in all cells and fits each gene by itself: where rates differ "
        "between lineages or rise along one, its directions can be wrong and agree all the same."
    )
    paper = "Bergen et al., Nat. Biotechnol. 2020, doi:10.1038/s41587-020-0591-3"
    package: ClassVar[str] = "scvelo"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = Settings
    config: Settings

    rates: Tensor  # [genes, 3]: transcription, splicing, degradation
    switch: Tensor  # [genes, 2]: as in VelocityFit
    lowest: Tensor  # [genes, 2]
    likelihood: Tensor  # [genes]
    found_roots: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("rates", torch.full((self.gene_count, 3), torch.nan))
        self.register_buffer("likelihood", torch.full((self.gene_count,), torch.nan))
        self.register_buffer("switch", torch.full((self.gene_count, 2), torch.nan))
        self.register_buffer("lowest", torch.full((self.gene_count, 2), torch.nan))
        self.register_buffer("found_roots", torch.tensor(False))
        self.cells = Interpolation(spec.dim)
        """Velocity of the state and latent time of every cell that was trained on: [cells, dim + 1]."""

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("dynamical model", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Generator[float, None, None]:
        """Run the package on the moments of all cells. Raises ValueError where it can fit no gene."""
        cells, config = self.read(frames), self.config
        found = yield from fit(
            cells.unspliced.cpu().numpy(),
            cells.spliced.cpu().numpy(),
            neighbors=config.neighbors,
            iterations=config.iterations,
            scaling=config.scaling,
        )
        x = whole(frames.x)
        du, ds = (torch.from_numpy(each).to(x).nan_to_num(0.0) for each in (found.unspliced, found.spliced))
        if config.velocity_genes:
            kept = torch.from_numpy(found.genes).to(x)
            du, ds = du * kept, ds * kept
        time = torch.from_numpy(found.latent_time).to(x)
        self.cells.fill(x, torch.cat([self.state_velocity(du, ds), time[:, None]], dim=1))
        self.rates.copy_(torch.from_numpy(found.rates))
        self.likelihood.copy_(torch.from_numpy(found.likelihood))
        self.switch.copy_(torch.from_numpy(found.switch))
        self.lowest.copy_(torch.from_numpy(found.lowest))
        self.found_roots.fill_(found.found_roots)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """In the package's time."""
        return self._known(x)[:, :-1]

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        return self._known(x)[:, -1]

    def _known(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch values"]:
        return self.cells(x) if torch.is_grad_enabled() else self.cells.at_cells(x)

    def kinetics(self) -> KineticRates:
        units = ("RNA / time", "1 / time", "1 / time")
        return KineticRates(("transcription", "splicing", "degradation"), units, self.rates)

    def course(self, gene: int) -> Float[Tensor, "points 2"] | None:
        """On until the time of the switch, then off, in RNA."""
        alpha, beta, gamma = self.rates[gene]
        time, scale = self.switch[gene]
        if not bool(torch.stack([alpha, beta, gamma, time, scale]).isfinite().all()):
            return None
        u, s = switched_course(alpha, beta * scale, gamma, time)
        return torch.stack([u * scale, s], dim=1) + self.lowest[gene]

    def notes(self) -> tuple[str, ...]:
        fitted = int(self.likelihood.isfinite().sum())
        if not fitted:
            return ()
        rooted = () if self.found_roots else (_NO_ROOTS,)
        return (
            f"scvelo fitted the dynamics of {fitted:,} of {self.gene_count:,} genes; median likelihood "
            f"{float(self.likelihood.nanmedian()):.2f}. Its times span 20 by convention and are no measured hours.",
            *rooted,
        )
