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
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.frames import Frames
from cellflow_core.models.contract import Plan
from cellflow_core.models.static import StaticPlans, expected_growth, from_dense

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


class Moscot(StaticPlans):
    title = "moscot"
    summary = "Joins early with late cells by the transport plans of the package moscot, which scale to many cells."
    paper = "Klein et al., Nature 2025, doi:10.1038/s41586-024-08453-2"
    package: ClassVar[str] = "moscot"

    Config = Settings
    config: Settings

    def solve(self, frames: Frames, rng: torch.Generator) -> tuple[Plan, ...]:
        how = self.config
        told = frames.mass is not None or (how.prior and "growth" in frames.about)

        def dense(k: int, i: Tensor, j: Tensor) -> Tensor:
            growth = expected_growth(frames, k, how.prior)[0][i]
            x0, x1 = frames.x[k][i].cpu().numpy(), frames.x[k + 1][j].cpu().numpy()
            plan = temporal_plan(x0, x1, (growth / growth.sum()).cpu().numpy(), how)
            return torch.from_numpy(plan).to(growth) * growth.mean()

        return from_dense(frames, rng, dense, grows=told or how.tau < 1, limit=LIMIT)


def temporal_plan(x0: np.ndarray, x1: np.ndarray, source: np.ndarray, how: Settings) -> np.ndarray:
    """moscot's plan [n, m] between cells x0 [n, dim] of the masses `source` [n], which sum to one, and cells x1
    [m, dim] of equal masses. Raises ValueError where the solver does not settle."""
    import anndata
    import pandas as pd
    from moscot.problems.time import TemporalProblem  # type: ignore[import-not-found]

    logging.getLogger("moscot").setLevel(logging.ERROR)  # what it warns of is an error here
    n, m = len(x0), len(x1)
    even = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    obs = pd.DataFrame({"time": np.repeat([0.0, 1.0], [n, m]), "b": even})
    obs["a"] = np.concatenate([source, np.full(m, 1 / m)])
    obs.index = obs.index.astype(str)
    cells = anndata.AnnData(np.zeros((n + m, 1), np.float32), obs)
    cells.obsm["X_state"] = np.concatenate([x0, x1])
    problem = TemporalProblem(cells).prepare("time", joint_attr={"attr": "obsm", "key": "X_state"}, a="a", b="b")
    rank = {"rank": how.rank} if how.rank else {"epsilon": how.epsilon, "threshold": _SETTLED}
    made = problem.solve(tau_a=how.tau, scale_cost="mean", max_iterations=ROUNDS, **rank)
    found = made[0.0, 1.0].solution
    if not found.converged:
        raise ValueError(
            f"moscot's plan of {n:,} and {m:,} cells still changes after {ROUNDS:,} rounds: take a larger epsilon"
        )
    return np.asarray(found.transport_matrix, dtype=np.float64)
