"""scVelo's RNA velocity: on and off phases of each gene with a time of every cell in each, by the package scvelo.

Bergen et al., "Generalizing RNA velocity to transient cell states through dynamical modeling", Nat. Biotechnol.
38:1408, 2020, doi:10.1038/s41587-020-0591-3. Of every gene,

    du/dt = alpha_k - beta u,    ds/dt = beta u - gamma s,    alpha_k = alpha while it is on and 0 while it is off,

and expectation maximisation alternates the time of each cell on the curve with alpha, beta, gamma, the time of the
switch and the scale of unspliced RNA. The latent time of a cell is a quantile of its times over the genes, counted from
root cells. Velocity and latent time are those of the cells; between them they are interpolated from the nearest ones.

`make scvelo` installs the package (BSD-3). It gets the moments of the cells as they are, and neighbors in the principal
components of log(1 + spliced moments); nothing is filtered or normalised again. Genes are fitted in blocks, between
which the training can be cancelled.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import neighbor_graph
from cellflow_core.models.contract import Context, HasKinetics, HasLatentTime, HasVelocity, KineticRates, Phase
from cellflow_core.models.splicing.estimator import SplicingModel, whole
from cellflow_core.models.splicing.interpolation import Interpolation
from cellflow_core.models.splicing.kinetics import switched_course

if TYPE_CHECKING:
    from anndata import AnnData

Array = np.ndarray
_NO_ROOTS = (
    "The random walk along the velocities found no root cells: latent time is counted from the cells with the earliest "
    "times of their genes, and may run backwards."
)
COMPONENTS = 30
"""Principal components in which neighbors are searched."""
MIN_LIKELIHOOD = 0.1
"""Likelihood of a gene from which on it counts for the latent time: the package's own threshold."""
FEWEST = 2
"""Genes without which the package has no direction of a cell."""
BLOCK = 25
"""Genes that are fitted between two reports."""


@dataclass(frozen=True)
class VelocityFit:
    """What the package found; RNA in counts of a cell of median size, time in its own unit.

    unspliced, spliced   rates of change (RNA / time), NaN for a gene that was not fitted
    genes                the genes that the package uses for the velocities of cells, and for their directions
    rates                transcription, splicing, degradation; [genes, 3], NaN where there is none
    likelihood           of each gene, NaN for one that was not fitted
    latent_time          between 0 and 1
    switch               time of the switch, and RNA counted as unspliced for each that the rates speak of; [genes, 2]
    lowest               unspliced and spliced RNA at which the course of a gene begins; [genes, 2]
    found_roots          whether root cells were found, from which the latent time is counted
    """

    unspliced: Float[Array, "cells genes"]
    spliced: Float[Array, "cells genes"]
    genes: Bool[Array, " genes"]
    rates: Float[Array, "genes 3"]
    likelihood: Float[Array, " genes"]
    latent_time: Float[Array, " cells"]
    switch: Float[Array, "genes 2"]
    lowest: Float[Array, "genes 2"]
    found_roots: bool


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


def fit(
    unspliced: Float[Array, "cells genes"],
    spliced: Float[Array, "cells genes"],
    *,
    neighbors: int = 30,
    iterations: int = 10,
    scaling: bool = True,
) -> Generator[float, None, VelocityFit]:
    """The dynamical model of the moments of velocity genes; yields the part of the genes that is fitted.

    neighbors   of each cell, over which times are averaged
    iterations  of expectation maximisation
    scaling     fit the scale of unspliced RNA relative to spliced RNA, else it is 1

    Raises ValueError where the package can fit no gene.
    """
    cells = annotated(unspliced, spliced, neighbors)
    with _quiet() as scvelo:
        # the genes that are fitted, and their R2
        scvelo.tl.velocity(cells, mode="deterministic", perc=[5, 95], r2_adjusted=True)
        cells.var["fit_r2"] = cells.var["velocity_r2"]
        genes = cells.var_names[_used(cells)]
        if len(genes) < FEWEST:
            raise ValueError(
                f"scvelo can use {len(genes)} of {cells.n_vars:,} genes, and needs {FEWEST} for directions of cells: "
                "take the step “Velocity genes and moments” with more genes"
            )
        for first in range(0, len(genes), BLOCK):
            block = list(genes[first : first + BLOCK])
            found = {"max_iter": iterations, "fit_scaling": scaling, "t_max": False, "return_model": False}
            scvelo.tl.recover_dynamics(cells, block, n_jobs=1, show_progress_bar=False, **found)
            yield min(first + BLOCK, len(genes)) / len(genes)
        if not scaling:
            cells.var["fit_scaling"] = 1.0
        nothing = np.full(cells.n_vars, np.nan)
        likelihood = np.asarray(cells.var.get("fit_likelihood", nothing), np.float64)
        if not np.isfinite(likelihood).any():
            raise ValueError(
                f"scvelo could fit the dynamics of none of {cells.n_vars:,} genes: their unspliced RNA does not follow "
                "their spliced RNA; take the step “Velocity genes and moments” with other thresholds"
            )
        scvelo.tl.align_dynamics(cells)
        scvelo.tl.velocity(cells, mode="dynamical")
        scvelo.tl.velocity_graph(cells, approx=True, n_jobs=1, show_progress_bar=False)
        found_roots = _find_roots(scvelo, cells)
        scvelo.tl.latent_time(cells, min_likelihood=min(MIN_LIKELIHOOD, float(np.nanmax(likelihood))))
    return VelocityFit(
        unspliced=np.asarray(cells.layers["velocity_u"], np.float32),
        spliced=np.asarray(cells.layers["velocity"], np.float32),
        genes=_used(cells),
        rates=_columns(cells, "alpha", "beta", "gamma"),
        likelihood=likelihood,
        latent_time=cells.obs["latent_time"].to_numpy(np.float64),
        switch=_columns(cells, "t_", "scaling"),
        lowest=np.nan_to_num(_columns(cells, "u0", "s0")),
        found_roots=found_roots,
    )


def annotated(
    unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"], neighbors: int = 30
) -> AnnData:
    """The moments as the package takes them, with the graph of the cells."""
    import anndata
    import pandas as pd

    names = tuple(f"gene {k}" for k in range(spliced.shape[1]))
    u, s = np.asarray(unspliced, np.float32), np.asarray(spliced, np.float32)
    index = pd.Index([f"cell {k}" for k in range(len(s))])
    cells = anndata.AnnData(s, pd.DataFrame(index=index), pd.DataFrame(index=pd.Index(names)))
    cells.layers.update({"Mu": u, "Ms": s, "unspliced": u, "spliced": s})
    states = principal(np.log1p(s.astype(np.float64)), names, COMPONENTS).state
    graph = neighbor_graph(states, min(neighbors, len(s) - 1))
    cells.obsm["X_pca"] = states
    cells.obsp["distances"], cells.obsp["connectivities"] = graph.distances, graph.connectivities
    params = {"n_neighbors": min(neighbors, len(s) - 1), "method": "umap", "metric": "euclidean", "use_rep": "X_pca"}
    keys = {"connectivities_key": "connectivities", "distances_key": "distances"}
    cells.uns["neighbors"] = {**keys, "params": params}
    return cells


def _used(cells: AnnData) -> Bool[Array, " genes"]:
    """The genes that the package uses; where it uses all of them it leaves the column out."""
    nothing = np.ones(cells.n_vars, bool)
    return np.asarray(cells.var.get("velocity_genes", nothing), bool)


def _columns(cells: AnnData, *names: str) -> Float[Array, "genes columns"]:
    return np.stack([cells.var[f"fit_{each}"].to_numpy(np.float64) for each in names], axis=1)


def _find_roots(scvelo: Any, cells: AnnData) -> bool:
    """Root cells by the random walk along the velocities, and whether it has any. Where it does not converge there are
    none, and the package counts from the cells with the earliest times."""
    from scipy.sparse.linalg import ArpackError

    try:
        scvelo.tl.terminal_states(cells)
    except ArpackError:
        cells.obs["root_cells"] = 0.0
    return bool((cells.obs["root_cells"].to_numpy(np.float64) > 1 - 1e-3).any())


@contextmanager
def _quiet() -> Iterator[Any]:
    """The package, without its log and without what it warns of deprecated calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scvelo: Any = import_module("scvelo")
        scvelo.settings.verbosity = 0
        yield scvelo
