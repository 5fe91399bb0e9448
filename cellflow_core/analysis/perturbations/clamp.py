"""Genes clamped at a level throughout: wrappers around any model that has a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from cellflow_core.analysis.dynamics import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.models.contract import Context

Array = np.ndarray
LOCAL = (
    "In this learnt state space a gene is a nonlinear function of the state: it is clamped by moving cells along its "
    "local gradient, which is valid near the measured cells only."
)
STEPS = 12
"""Newton steps to a level at most; two or three are usual."""
CLOSE = 1e-3
"""Distance from the level, in standard deviations of the gene, at which the search ends."""
NOT_REPRESENTED = (
    "the state space does not represent this gene (or not apart from another clamped one): its loadings are zero"
)


def clamped(model: Model, data: Snapshots, levels: dict[str, float]) -> ModelWrapper:
    """The model with these genes clamped at their levels (expression), exactly where genes are affine in the state.

    Raises KeyError where the space does not hold a gene, ValueError where it does not represent it.
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

    States are projected onto that plane, x + w (level - x.w - offset) / (w.w), at the start and after every step, which
    removes the noise across the plane too; velocity and drift are projected into the plane, v - w (v.w) / (w.w).
    Several genes: weight [genes, dim], offset and level [genes]. Around another `Clamped` the planes are intersected.

    Raises ValueError where the state space does not represent the gene, and for a model that has no field.
    """

    model: Model
    weight: np.ndarray
    offset: float | np.ndarray
    level: float | np.ndarray

    def __post_init__(self) -> None:
        if np.linalg.matrix_rank(self._rows, tol=1e-8) < len(self._rows):
            raise ValueError(NOT_REPRESENTED)

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
        inner = self.model
        if isinstance(inner, Clamped):
            both = zip((self.weight, self.offset, self.level), (inner.weight, inner.offset, inner.level), strict=True)
            weight, offset, level = (np.concatenate([_stacked(a, k), _stacked(b, k)]) for k, (a, b) in enumerate(both))
            return Clamped(inner.model, weight, offset, level).dynamics(context)
        return _clamped(dynamics(inner, context), self.project, lambda x, v: self.project_tangent(v))


def _stacked(values: np.ndarray | float, place: int) -> np.ndarray:
    """Weights as [genes, dim], offsets and levels as [genes]."""
    return np.atleast_1d(np.asarray(values, float)) if place else np.atleast_2d(np.asarray(values, float))


@dataclass(frozen=True)
class NonlinearClamp(ModelWrapper):
    """A model whose cells can only move where genes that are nonlinear functions of the state stay at their levels.

    States are moved to the levels by Newton steps along the gradients G [genes, dim] at the state itself, damped as by
    Levenberg and Marquardt (Marquardt 1963): step = G' (G G' + damping)^-1 (level - expression). Where the decoder is
    flat a level cannot be attained, and the damping leaves the cell near it instead of sending it far away. Velocity
    and drift are projected to be orthogonal to the gradients.

    damping   square of a slope far below the usual ones (expression^2 / state^2), [genes]
    close     tolerance of the level (expression), [genes]
    max_step  longest single step (state)
    """

    model: Model
    space: StateSpace
    genes: tuple[str, ...]
    levels: Array
    damping: Array
    close: Array
    max_step: float

    @classmethod
    def of(cls, model: Model, data: Snapshots, genes: Sequence[str], levels: Array) -> NonlinearClamp:
        """With the scales of the measured cells. Raises ValueError where their states do not represent a gene."""
        few = data.x[np.linspace(0, len(data.x) - 1, min(len(data.x), 1000)).astype(int)]
        found = [data.space.value_and_gradient(few, each) for each in genes]
        usual = np.array([np.median(np.linalg.norm(slope, axis=1)) for _, slope in found])
        spread = np.array([float(value.std()) for value, _ in found])
        if (usual < 1e-8).any():
            raise ValueError(NOT_REPRESENTED)
        max_step = data.spec.scale * data.dim**0.5
        return cls(model, data.space, tuple(genes), levels, (0.05 * usual) ** 2, CLOSE * spread, max_step)

    def project(self, x: Tensor) -> Tensor:
        """The nearest states in which the genes are at their levels, as far as they can be."""
        best = x.detach().cpu().numpy().astype(np.float32)
        value, slope = self._tangents(best)
        miss = self.levels - value
        fraction = np.ones(len(best), np.float32)  # of the step, less where a step led away from the level
        for _ in range(STEPS):
            if (np.abs(miss) <= self.close).all():
                break
            tried = best + fraction[:, None] * self._step(slope, miss)
            value, new_slope = self._tangents(tried)
            better = np.square((self.levels - value) / self.close).sum(1) <= np.square(miss / self.close).sum(1)
            best = np.where(better[:, None], tried, best)
            miss = np.where(better[:, None], self.levels - value, miss)
            slope = np.where(better[:, None, None], new_slope, slope)
            fraction = np.where(better, np.minimum(2 * fraction, 1), fraction / 4).astype(np.float32)
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
        return step * np.minimum(1, self.max_step / np.maximum(length, 1e-12))

    @staticmethod
    def _solved(slope: Array, change: Array, damping: Array) -> Array:
        """Smallest displacement [cells, dim] that changes the genes by `change` [cells, genes]."""
        square = slope @ slope.transpose(0, 2, 1) + np.diag(damping)
        return (slope.transpose(0, 2, 1) @ np.linalg.solve(square, change[:, :, None]))[:, :, 0]

    def _tangents(self, x: Array) -> tuple[Array, Array]:
        """(expression [cells, genes], slope [cells, genes, dim])"""
        found = [self.space.value_and_gradient(x, each) for each in self.genes]
        return np.stack([value for value, _ in found], 1), np.stack([slope for _, slope in found], 1).astype(float)

    def dynamics(self, context: Context) -> Dynamics:
        return _clamped(dynamics(self.model, context), self.project, self.project_tangent)


def _clamped(
    inner: Dynamics, project: Callable[[Tensor], Tensor], project_tangent: Callable[[Tensor, Tensor], Tensor]
) -> Dynamics:
    """The dynamics with states, velocity, drift and interaction projected."""
    if inner.kind == "sampler" and inner.has_field:
        raise ValueError(
            f"{inner.title} simulates cells in a latent state, where no gene can be held: choose a model whose field "
            "is followed, or shift the gene in the initial cells"
        )
    if inner.kind in ("plan", "sampler"):
        how = "couples measured cells by a static plan" if inner.kind == "plan" else "samples cells as measured"
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
