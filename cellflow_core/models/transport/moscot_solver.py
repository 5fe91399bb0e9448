"""Plans of the optional package moscot, on JAX: temporal problems and, with lineage, fused Gromov-Wasserstein ones.

Klein et al., "Mapping cells through time and space with moscot", Nature 2025, doi:10.1038/s41586-024-08453-2; the
solver is ott-jax (Cuturi et al., arXiv:2201.12324). `make moscot` installs it beside torch. Where the rank is 0 the
plans are those that math/sinkhorn.py and math/fused_gromov_wasserstein.py find too; what moscot adds is the low rank,
and a GPU that JAX supports.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.math.ot import DensePlan

if TYPE_CHECKING:
    from anndata import AnnData

LIMIT = 16_384
"""Cells a time up to which a plan is solved whole; above, in random blocks."""
MAX_ITERATIONS = 20_000
_TOLERANCE = 1e-4


def temporal_plan(
    x0: Float[np.ndarray, "n dim"],
    x1: Float[np.ndarray, "m dim"],
    source: Float[np.ndarray, " n"],
    *,
    epsilon: float,
    tau: float,
    rank: int = 0,
) -> DensePlan:
    """The plan between cells x0 of masses `source`, which sum to one, and cells x1 of equal masses; the parameters are
    those of couplings/moscot.py. Raises ValueError where the solver does not converge."""
    from moscot.problems.time import TemporalProblem  # type: ignore[import-not-found]

    state = {"attr": "obsm", "key": "X_state"}
    problem = TemporalProblem(_cells(x0, x1, source)).prepare("time", joint_attr=state, a="a", b="b")
    regularisation = {"rank": rank} if rank else {"epsilon": epsilon, "threshold": _TOLERANCE}
    return _solution(problem.solve(tau_a=tau, scale_cost="mean", max_iterations=MAX_ITERATIONS, **regularisation))


def lineage_plan(
    x0: Float[np.ndarray, "n dim"],
    x1: Float[np.ndarray, "m dim"],
    distance0: Float[np.ndarray, "n n"],
    distance1: Float[np.ndarray, "m m"],
    source: Float[np.ndarray, " n"],
    *,
    alpha: float,
    epsilon: float,
    tau: float,
) -> DensePlan:
    """The fused plan, as math/fused_gromov_wasserstein.py has it: the cells of `temporal_plan`, with lineage distances
    within either time, and alpha above 0. Raises ValueError where the solver does not converge.

    The solver weighs the gradient of the lineage term by one where its formula has two, and epsilon against that term.
    """
    from moscot.problems.time import LineageProblem  # type: ignore[import-not-found]

    n, m = len(x0), len(x1)
    rms = np.sqrt(np.square(x0).sum(1).mean() + np.square(x1).sum(1).mean() - 2 * x0.mean(0) @ x1.mean(0))
    cells = _cells(x0 / (rms or 1.0), x1 / (rms or 1.0), source)
    cells.obsp["lineage"] = np.zeros((n + m, n + m), np.float32)
    cells.obsp["lineage"][:n, :n], cells.obsp["lineage"][n:, n:] = distance0, distance1
    problem = LineageProblem(cells).prepare(
        "time",
        joint_attr={"attr": "obsm", "key": "X_state"},
        lineage_attr={"attr": "obsp", "key": "lineage", "tag": "cost_matrix", "cost": "custom"},
        a="a",
        b="b",
    )
    solved = problem.solve(
        alpha=2 * alpha / (1 + alpha),
        epsilon=epsilon / (2 * alpha),
        tau_a=tau,
        scale_cost=1.0,
        threshold=_TOLERANCE / 10,
        max_iterations=200,
        linear_solver_kwargs={"max_iterations": MAX_ITERATIONS, "threshold": _TOLERANCE / 100},
    )
    return _solution(solved)


def _cells(x0: np.ndarray, x1: np.ndarray, source: np.ndarray) -> AnnData:
    """The cells as moscot takes them. Its log is silenced: what it warns of is an error here."""
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


def _solution(solved: Any) -> DensePlan:
    found = solved[0.0, 1.0].solution
    if not found.converged:
        raise ValueError(
            f"moscot's plan of {found.shape[0]:,} and {found.shape[1]:,} cells did not converge within its iterations: "
            "take a larger epsilon"
        )
    return DensePlan(torch.from_numpy(np.array(found.transport_matrix, dtype=np.float64)))
