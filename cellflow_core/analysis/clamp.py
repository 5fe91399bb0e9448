"""A gene held at a level for good: a wrapper around any model that has a field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from cellflow_core.analysis.simulate import Model, Motion, Wrapper, motion
from cellflow_core.models.contract import Context


@dataclass(frozen=True)
class Clamped(Wrapper):
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
            raise ValueError(
                "the state space does not see this gene (or not apart from another clamped one): its loadings are zero"
            )

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

    def within(self, v: Tensor) -> Tensor:
        """The part of a velocity that leaves the gene as it is."""
        rows, inverse = self._tensors(v)
        wide = v.double()
        return (wide - (wide @ rows.T) @ inverse.T).to(v.dtype)

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(self._rows).to(like.device)
        return rows, torch.from_numpy(self._inverse).to(like.device)

    def motion(self, context: Context) -> Motion:
        inner = motion(self.model, context)
        if inner.kind == "plan":
            raise ValueError(
                f"{inner.title} only joins measured cells by a static plan: it cannot say where a cell with another "
                "expression would go; choose a model with a velocity"
            )
        velocity, drift, other = inner.velocity, inner.drift, inner.constrain
        return replace(
            inner,
            velocity=None if velocity is None else (lambda t, x: self.within(velocity(t, x))),
            drift=None if drift is None else (lambda t, x: self.within(drift(t, x))),
            potential=None,
            constrain=self.project if other is None else (lambda x: self.project(other(x))),
        )
