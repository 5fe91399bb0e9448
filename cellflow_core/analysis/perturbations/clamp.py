"""Genes held at a level for good: wrappers around any model that has a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from cellflow_core.analysis.simulate import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.models.contract import Context

Array = np.ndarray
LOCAL = (
    "In this learnt state space a gene is a curved function of the state: it is held by moving cells along its "
    "gradient where they are, which is right near the measured cells only."
)
STEPS = 12
"""Newton steps to a level at most; two or three are usual."""
CLOSE = 1e-3
"""Distance from the level, in spreads of the gene, at which the search ends."""
UNSEEN = "the state space does not see this gene (or not apart from another clamped one): its loadings are zero"


def clamped(model: Model, data: Snapshots, levels: dict[str, float]) -> ModelWrapper:
    """The model with each of these genes held at its level (expression), exactly where genes are affine in the state.

    Raises KeyError where the space does not hold a gene, ValueError where it does not see it.
    """
    space, genes = data.space, tuple(levels)
    aims = np.array([levels[each] for each in genes])
    if isinstance(space, AffineSpace):
        rows = [space.gene(each) for each in genes]
        return Clamped(model, np.stack([row for row, _ in rows]), np.array([offset for _, offset in rows]), aims)
    return NonlinearClamp.of(model, data, genes, aims)


@dataclass(frozen=True)
class Clamped(ModelWrapper):
    """A model whose cells can only move where expression = x @ weight + offset stays at `level`.

    States are moved to that plane by the smallest move, x + w (level - x.w - offset) / (w.w), at the start and after
    every step, which takes the noise across the plane away too; of velocity and drift only the part within the plane
    is kept, v - w (v.w) / (w.w). Several genes: weight [genes, dim], offset and level [genes].

    Raises ValueError where the state space does not hold the gene, and for a model that has no field.
    """

    model: Model
    weight: np.ndarray
    offset: float | np.ndarray
    level: float | np.ndarray

    def __post_init__(self) -> None:
        if np.linalg.matrix_rank(self._rows, tol=1e-8) < len(self._rows):
            raise ValueError(UNSEEN)

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.atleast_2d(np.asarray(self.weight, dtype=np.float64))

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.linalg.pinv(self._rows)

    def project(self, x: Tensor) -> Tensor:
        """The nearest states in which the gene is at its level."""
        rows, inverse = self._tensors(x)
        aim = torch.as_tensor(np.atleast_1d(np.asarray(self.level) - np.asarray(self.offset)), dtype=torch.float64)
        wide = x.double()
        moved = wide + (aim.to(x.device) - wide @ rows.T) @ inverse.T
        return moved.to(x.dtype)

    def project_tangent(self, v: Tensor) -> Tensor:
        """The part of a velocity that leaves the gene as it is."""
        rows, inverse = self._tensors(v)
        wide = v.double()
        return (wide - (wide @ rows.T) @ inverse.T).to(v.dtype)

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(self._rows).to(like.device)
        return rows, torch.from_numpy(self._inverse).to(like.device)

    def dynamics(self, context: Context) -> Dynamics:
        return _held(dynamics(self.model, context), self.project, lambda x, v: self.project_tangent(v))


@dataclass(frozen=True)
class NonlinearClamp(ModelWrapper):
    """A model whose cells can only move where genes that are curved functions of the state stay at their levels.

    States are moved to the levels by Newton steps along the gradients G [genes, dim] at the state itself, damped as by
    Levenberg and Marquardt (Marquardt 1963): step = G' (G G' + damping)^-1 (level - expression). Where the decoder is
    flat a level cannot be reached, and the damping leaves the cell near it instead of sending it far away. Of velocity
    and drift only the part across no gradient is kept.

    damping  square of a slope far below the usual ones (expression^2 / state^2), [genes]
    close    distance from the level that is good enough (expression), [genes]; reach: longest single step (state)
    """

    model: Model
    space: StateSpace
    genes: tuple[str, ...]
    levels: Array
    damping: Array
    close: Array
    reach: float

    @classmethod
    def of(cls, model: Model, data: Snapshots, genes: Sequence[str], levels: Array) -> NonlinearClamp:
        """With what is usual among the measured cells. Raises ValueError where their states do not see a gene."""
        few = data.x[np.linspace(0, len(data.x) - 1, min(len(data.x), 1000)).astype(int)]
        found = [data.space.value_and_gradient(few, each) for each in genes]
        usual = np.array([np.median(np.linalg.norm(slope, axis=1)) for _, slope in found])
        spread = np.array([float(value.std()) for value, _ in found])
        if (usual < 1e-8).any():
            raise ValueError(UNSEEN)
        reach = data.spec.scale * data.dim**0.5
        return cls(model, data.space, tuple(genes), levels, (0.05 * usual) ** 2, CLOSE * spread, reach)

    def project(self, x: Tensor) -> Tensor:
        """States near these in which the genes are at their levels, as far as they can be."""
        best = x.detach().cpu().numpy().astype(np.float32)
        value, slope = self._tangents(best)
        miss = self.levels - value
        share = np.ones(len(best), np.float32)  # of the step, less where a step led away from the level
        for _ in range(STEPS):
            if (np.abs(miss) <= self.close).all():
                break
            tried = best + share[:, None] * self._step(slope, miss)
            value, new_slope = self._tangents(tried)
            better = np.square((self.levels - value) / self.close).sum(1) <= np.square(miss / self.close).sum(1)
            best = np.where(better[:, None], tried, best)
            miss = np.where(better[:, None], self.levels - value, miss)
            slope = np.where(better[:, None, None], new_slope, slope)
            share = np.where(better, np.minimum(2 * share, 1), share / 4).astype(np.float32)
        return torch.from_numpy(best).to(x)

    def project_tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The part of velocities at states x that leaves the genes as they are."""
        _, slope = self._tangents(x.detach().cpu().numpy())
        wide = v.detach().cpu().numpy()
        change = np.einsum("ckd,cd->ck", slope, wide)
        return torch.from_numpy((wide - self._solved(slope, change, 1e-6 * self.damping)).astype(np.float32)).to(v)

    def _step(self, slope: Array, miss: Array) -> Array:
        step = self._solved(slope, miss, self.damping)
        length = np.linalg.norm(step, axis=1, keepdims=True)
        return step * np.minimum(1, self.reach / np.maximum(length, 1e-12))

    @staticmethod
    def _solved(slope: Array, change: Array, damping: Array) -> Array:
        """Smallest move [cells, dim] that changes the genes by `change` [cells, genes]."""
        square = slope @ slope.transpose(0, 2, 1) + np.diag(damping)
        return (slope.transpose(0, 2, 1) @ np.linalg.solve(square, change[:, :, None]))[:, :, 0]

    def _tangents(self, x: Array) -> tuple[Array, Array]:
        """(expression [cells, genes], slope [cells, genes, dim])"""
        found = [self.space.value_and_gradient(x, each) for each in self.genes]
        return np.stack([value for value, _ in found], 1), np.stack([slope for _, slope in found], 1).astype(float)

    def dynamics(self, context: Context) -> Dynamics:
        return _held(dynamics(self.model, context), self.project, self.project_tangent)


def _held(
    inner: Dynamics, project: Callable[[Tensor], Tensor], project_tangent: Callable[[Tensor, Tensor], Tensor]
) -> Dynamics:
    """The motion with states projected, and with the part of velocity and drift that stays within."""
    if inner.kind in ("plan", "sampler"):
        how = "joins measured cells by a static plan" if inner.kind == "plan" else "draws cells as they were measured"
        raise ValueError(
            f"{inner.title} only {how}: it cannot say where a cell with another expression would go; choose a model "
            "with a velocity"
        )
    velocity, drift, among, other = inner.velocity, inner.drift, inner.interaction, inner.constrain
    return replace(
        inner,
        velocity=None if velocity is None else (lambda t, x: project_tangent(x, velocity(t, x))),
        drift=None if drift is None else (lambda t, x: project_tangent(x, drift(t, x))),
        interaction=None if among is None else (lambda t, x, *cloud: project_tangent(x, among(t, x, *cloud))),
        potential=None,
        constrain=project if other is None else (lambda x: project(other(x))),
    )
