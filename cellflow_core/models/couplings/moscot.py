"""moscot's temporal problem: entropic, unbalanced and low-rank transport between consecutive times, on JAX.

Klein et al., "Mapping cells through time and space with moscot", Nature 2025, doi:10.1038/s41586-024-08453-2. The plan
of n cells at t0 and m cells at t1 is

    min_P  <C, P> + epsilon KL(P | a b') + rho KL(P 1 | g),   P' 1 = b,   rho = epsilon tau / (1 - tau),

with the squared distance over its mean as cost C and the expected growth g as in couplings/waddington_ot.py; tau = 1 is
balanced. With a rank above 0 the plan is a product of three thin matrices (Scetbon et al., ICML 2021,
arXiv:2103.04737), which the solver finds without the whole cost matrix: no epsilon is needed then, and on a CPU it pays
from about 8,000 cells a time on. The solver is that of the optional package (transport/moscot_solver.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import DensePlan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import moscot_solver
from cellflow_core.models.transport.coupling_model import CouplingModel, expected_growth, sparsified_plans


@dataclass(frozen=True)
class Settings(Config):
    epsilon: float = setting(0.05, "entropic regularisation epsilon", 1e-4, 10.0, "multiples of the mean cost")
    tau: float = setting(0.95, "marginal relaxation tau of the source; 1: growth is exactly as expected", 0.05, 1.0)
    rank: int = setting(0, "rank of the plan; 0: full rank", 0, 5000, label="Rank of the plan")
    prior: bool = setting(True, "growth rates of the data as expected growth g; off: the same for all cells")


class Moscot(CouplingModel):
    title = "moscot"
    summary = (
        "Couples cells of consecutive times by the transport plans of the package moscot, which scale to many cells."
    )
    paper = "Klein et al., Nature 2025, doi:10.1038/s41586-024-08453-2"
    package: ClassVar[str] = "moscot"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        config = self.config
        has_growth = frames.mass is not None or (config.prior and "growth" in frames.cell_data)

        def solve(k: int, i: Tensor, j: Tensor) -> DensePlan:
            growth = expected_growth(frames, k, config.prior)[0][i]
            x0, x1 = frames.x[k][i].cpu().numpy(), frames.x[k + 1][j].cpu().numpy()
            source = (growth / growth.sum()).cpu().numpy()
            plan = moscot_solver.temporal_plan(x0, x1, source, epsilon=config.epsilon, tau=config.tau, rank=config.rank)
            return replace(plan, matrix=plan.matrix.to(growth) * growth.mean())

        return sparsified_plans(frames, rng, solve, grows=has_growth or config.tau < 1, limit=moscot_solver.LIMIT)
