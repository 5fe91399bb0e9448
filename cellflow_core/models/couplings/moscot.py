"""moscot's temporal problem: entropic, unbalanced and low-rank transport between consecutive times, on JAX.

Klein et al., "Mapping cells through time and space with moscot", Nature 2025, doi:10.1038/s41586-024-08453-2; the
solver is ott-jax (Cuturi et al., arXiv:2201.12324). The plan of n cells at t0 and m cells at t1 is

    min_P  <C, P> + epsilon KL(P | a b') + rho KL(P 1 | g),   P' 1 = b,   rho = epsilon tau / (1 - tau),

with the squared distance over its mean as cost C and the growth g that is expected as in couplings/waddington_ot.py;
tau = 1 leaves no other growth. With a rank above 0 the plan is a product of three thin matrices (Scetbon et al., ICML
2021, arXiv:2103.04737), which the solver finds without all costs at once: no epsilon is needed then, and on a CPU it
pays from about 8,000 cells a time on.

The package is optional: `make moscot` installs it beside torch. Where rank is 0 the plan is the one that
math/sinkhorn.py finds too; what moscot adds is the low rank, and a GPU that JAX knows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.coupling_model import CouplingModel, expected_growth, sparsified_plans

if TYPE_CHECKING:
    from anndata import AnnData

LIMIT = 16_384
"""Cells a side up to which a plan is made whole; above, of random blocks."""
ROUNDS = 20_000
_SETTLED = 1e-4


@dataclass(frozen=True)
class Settings(Config):
    epsilon: float = setting(0.05, "blur of the plan", 1e-4, 10.0, "mean squared distances")
    tau: float = setting(0.95, "how surely growth is as expected; 1: not to be changed", 0.05, 1.0)
    rank: int = setting(0, "rank of the plan; 0: full", 0, 5000)
    prior: bool = setting(True, "expect the growth of each cell that the data have; off: the same of all cells")


class Moscot(CouplingModel):
    title = "moscot"
    summary = "Joins early with late cells by the transport plans of the package moscot, which scale to many cells."
    paper = "Klein et al., Nature 2025, doi:10.1038/s41586-024-08453-2"
    package: ClassVar[str] = "moscot"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        how = self.config
        told = frames.mass is not None or (how.prior and "growth" in frames.cell_data)

        def dense(k: int, i: Tensor, j: Tensor) -> Tensor:
            growth = expected_growth(frames, k, how.prior)[0][i]
            x0, x1 = frames.x[k][i].cpu().numpy(), frames.x[k + 1][j].cpu().numpy()
            plan = temporal_plan(x0, x1, (growth / growth.sum()).cpu().numpy(), how)
            return torch.from_numpy(plan).to(growth) * growth.mean()

        return sparsified_plans(frames, rng, dense, grows=told or how.tau < 1, limit=LIMIT)


def temporal_plan(x0: np.ndarray, x1: np.ndarray, source: np.ndarray, how: Settings) -> np.ndarray:
    """moscot's plan [n, m] between cells x0 [n, dim] of the masses `source` [n], which sum to one, and cells x1
    [m, dim] of equal masses. Raises ValueError where the solver does not settle."""
    from moscot.problems.time import TemporalProblem  # type: ignore[import-not-found]

    state = {"attr": "obsm", "key": "X_state"}
    problem = TemporalProblem(_cells(x0, x1, source)).prepare("time", joint_attr=state, a="a", b="b")
    rank = {"rank": how.rank} if how.rank else {"epsilon": how.epsilon, "threshold": _SETTLED}
    return _solved(problem.solve(tau_a=how.tau, scale_cost="mean", max_iterations=ROUNDS, **rank))


def lineage_plan(
    x0: np.ndarray, x1: np.ndarray, own0: np.ndarray, own1: np.ndarray, source: np.ndarray, how: Fused
) -> np.ndarray:
    """moscot's fused plan [n, m], as math/fused.py has it: the cells of `temporal_plan`, with distances in lineage
    own0 [n, n] and own1 [m, m] within either time. Raises ValueError where the solver does not settle.

    The solver weighs the slope of the lineage term by one where its formula has two, and epsilon against that term.
    """
    from moscot.problems.time import LineageProblem  # type: ignore[import-not-found]

    n, m = len(x0), len(x1)
    usual = np.sqrt(np.square(x0).sum(1).mean() + np.square(x1).sum(1).mean() - 2 * x0.mean(0) @ x1.mean(0))
    cells = _cells(x0 / (usual or 1.0), x1 / (usual or 1.0), source)
    cells.obsp["lineage"] = np.zeros((n + m, n + m), np.float32)
    cells.obsp["lineage"][:n, :n], cells.obsp["lineage"][n:, n:] = own0, own1
    problem = LineageProblem(cells).prepare(
        "time",
        joint_attr={"attr": "obsm", "key": "X_state"},
        lineage_attr={"attr": "obsp", "key": "lineage", "tag": "cost_matrix", "cost": "custom"},
        a="a",
        b="b",
    )
    made = problem.solve(
        alpha=2 * how.alpha / (1 + how.alpha),
        epsilon=how.epsilon / (2 * how.alpha),
        tau_a=how.tau,
        scale_cost=1.0,
        threshold=_SETTLED / 10,
        max_iterations=200,
        linear_solver_kwargs={"max_iterations": ROUNDS, "threshold": _SETTLED / 100},
    )
    return _solved(made)


class Fused(Protocol):
    """Settings of a plan with lineage; alpha is above 0."""

    @property
    def alpha(self) -> float: ...
    @property
    def epsilon(self) -> float: ...
    @property
    def tau(self) -> float: ...


def _cells(x0: np.ndarray, x1: np.ndarray, source: np.ndarray) -> AnnData:
    """The cells as moscot wants them, and what its log would tell held back: what it warns of is an error here."""
    import anndata
    import pandas as pd

    logging.getLogger("moscot").setLevel(logging.ERROR)
    n, m = len(x0), len(x1)
    late = np.full(m, 1 / m)
    obs = pd.DataFrame({"time": np.repeat([0.0, 1.0], [n, m]), "b": np.concatenate([np.full(n, 1 / n), late])})
    obs["a"] = np.concatenate([source, late])
    obs.index = obs.index.astype(str)
    cells = anndata.AnnData(np.zeros((n + m, 1), np.float32), obs)
    cells.obsm["X_state"] = np.concatenate([x0, x1])
    return cells


def _solved(made: Any) -> np.ndarray:
    found = made[0.0, 1.0].solution
    if not found.converged:
        raise ValueError(
            f"moscot's plan of {found.shape[0]:,} and {found.shape[1]:,} cells still changes after all its rounds: "
            "take a larger epsilon"
        )
    return np.asarray(found.transport_matrix, dtype=np.float64)
