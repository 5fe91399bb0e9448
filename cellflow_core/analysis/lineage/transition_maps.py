"""How the measured cells of one time turn into those of the next: what ancestors, descendants and fates are made of.

Schiebinger et al., Cell 2019, doi:10.1016/j.cell.2019.01.006: transport plans, one after the other. A model of plans
answers with them; any other moves every measured cell to the next time, where it stands for the nearest measured one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import TransportPlan

Array = np.ndarray
REPEATS = 8
"""Times that a cell is sent off by a model that draws its path."""


@dataclass(frozen=True)
class TransitionMap:
    """Measured cells of two consecutive times: mass [n, m] of each pair at the earlier time, where each of n cells has
    the mass 1 / n, and at the later one."""

    t0: float
    t1: float
    before: sparse.csr_matrix
    after: sparse.csr_matrix

    def push(self, mass: Float[Array, " n"]) -> Float[Array, " m"]:
        """What becomes of a mass on the earlier cells."""
        each = np.asarray(self.before.sum(axis=1)).ravel()
        return self.after.T @ np.divide(mass, each, out=np.zeros_like(mass), where=each > 0)

    def pull(self, share: Float[Array, " m"]) -> Float[Array, " n"]:
        """Part of a share of the later cells that stems from each earlier one; less than all where some have none."""
        each = np.asarray(self.after.sum(axis=0)).ravel()
        return self.after @ np.divide(share, each, out=np.zeros_like(share), where=each > 0)

    def fate_mass(self, later: Float[Array, "m fates"]) -> Float[Array, "n fates"]:
        """What one of each earlier cell becomes, from what one of each later cell does."""
        each = np.asarray(self.before.sum(axis=1)).ravel()
        return np.divide(
            self.after @ later, each[:, None], out=np.zeros((len(each), later.shape[1])), where=each[:, None] > 0
        )


def links(model: Model, data: Snapshots, seed: int = 0) -> tuple[TransitionMap, ...]:
    """How the measured cells of each time that the model was trained on turn into those of the next."""
    moving = dynamics(model)
    moving.check_follows()
    times = moving.spec.times
    if moving.kind == "plan":
        return tuple(_planned(plan, data) for plan in moving.plans)
    return tuple(_moved(model, moving, data, t0, t1, seed) for t0, t1 in pairwise(times))


def final_mass(chain: Sequence[TransitionMap], fate: Float[Array, "last fates"]) -> tuple[Float[Array, "_ fates"], ...]:
    """What one of each cell of every time but the last brings to each fate, for the fates of the last cells: the plans
    composed, growth counted."""
    found, mass = [], fate
    for link in reversed(chain):
        mass = link.fate_mass(mass)
        found.append(mass)
    return tuple(reversed(found))


def _planned(plan: TransportPlan, data: Snapshots) -> TransitionMap:
    """Pairs of a plan as rows of the data: by their coordinates, cells that stand in one place share alike."""
    rows, columns = _places(data.at(plan.t0), plan.x0), _places(data.at(plan.t1), plan.x1)

    def between(mass: torch.Tensor) -> sparse.csr_matrix:
        values = mass.cpu().numpy().astype(float)
        held = sparse.coo_matrix((values, (np.arange(len(values)), np.arange(len(values))))).tocsr()
        return (rows.T @ held @ columns).tocsr()

    return TransitionMap(
        plan.t0, plan.t1, between(plan.weight), between(plan.weight if plan.target_mass is None else plan.target_mass)
    )


def _places(cells: Float[Array, "n dim"], met: torch.Tensor) -> sparse.csr_matrix:
    """[pairs, n]: which of the cells each pair stands at, in equal parts where several do."""
    every = np.concatenate([cells, met.cpu().numpy()])
    _, code, count = np.unique(every, axis=0, return_inverse=True, return_counts=True)
    code = code.ravel()
    own, its = code[: len(cells)], code[len(cells) :]
    number = np.bincount(own, minlength=len(count))
    if (number[its] == 0).any():
        raise ValueError("the plans of this model join cells that are not in these data: train it on them again")
    at_code = sparse.csr_matrix((1 / number[own], (own, np.arange(len(cells)))), shape=(len(count), len(cells)))
    return at_code[its].tocsr()


def _moved(model: Model, moving: Dynamics, data: Snapshots, t0: float, t1: float, seed: int) -> TransitionMap:
    """Every cell moved to the next time, where it stands for the nearest measured one."""
    x0, x1 = data.at(t0), torch.from_numpy(data.at(t1))
    repeats = 1 if moving.kind == "deterministic" else REPEATS
    shape, rows = (len(x0), len(x1)), np.tile(np.arange(len(x0)), repeats)
    columns, after = [], []
    for k in range(repeats):
        made = simulate(model, x0, [t0, t1], seed=seed + 7919 * k)
        ends = torch.from_numpy(made.x[-1])
        columns += [torch.cdist(part, x1).argmin(1).numpy() for part in ends.split(2048)]
        after.append(np.exp(made.log_weight[-1].astype(float)))
    share = np.full(len(rows), 1 / len(rows))
    at = (rows, np.concatenate(columns))
    return TransitionMap(
        t0, t1, sparse.csr_matrix((share, at), shape), sparse.csr_matrix((share * np.concatenate(after), at), shape)
    )
