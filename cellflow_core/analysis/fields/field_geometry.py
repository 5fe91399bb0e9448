"""Derivatives of a velocity field at cells: Jacobian, divergence, rotation, acceleration and curvature.

After Qiu et al., "Mapping transcriptomic vector fields of single cells", Cell 185:690, 2022,
doi:10.1016/j.cell.2021.12.045, for the field of any model, held at one time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics

Array = np.ndarray
BLOCK = 512


@dataclass(frozen=True)
class FieldGeometry:
    """The field and its derivatives at some cells.

    velocity      f (state / time); jacobian: df_i / dx_j (1 / time), target in rows
    divergence    sum of the diagonal of J (1 / time): below 0 where paths come together
    rotation      with two axes the curl df_2/dx_1 - df_1/dx_2 (1 / time), its sign included; else the Frobenius norm of
                  (J - J^T) / sqrt(2), which is its absolute value in two axes
    acceleration  J f (state / time^2) along the path of a cell while the field is held
    curvature     of that path, |f|^2 a - (f . a) f over |f|^4 in norm (1 / state); 0 at a fixed point
    """

    velocity: Float[Array, "cells dim"]
    jacobian: Float[Array, "cells dim dim"]

    @property
    def divergence(self) -> Float[Array, " cells"]:
        return np.trace(self.jacobian, axis1=1, axis2=2)

    @property
    def rotation(self) -> Float[Array, " cells"]:
        skew = self.jacobian - self.jacobian.swapaxes(1, 2)
        return skew[:, 1, 0] if skew.shape[1] == 2 else np.sqrt(np.square(skew).sum(axis=(1, 2)) / 2)

    @property
    def acceleration(self) -> Float[Array, "cells dim"]:
        return np.einsum("cij,cj->ci", self.jacobian, self.velocity)

    @property
    def curvature(self) -> Float[Array, " cells"]:
        v, a = self.velocity.astype(np.float64), self.acceleration.astype(np.float64)
        squared = np.square(v).sum(axis=1)
        normal = squared[:, None] * a - (v * a).sum(axis=1)[:, None] * v
        return np.linalg.norm(normal, axis=1) / np.maximum(squared**2, 1e-30)


def field_geometry(moving: Dynamics, x: Float[Array, "cells dim"], time: float) -> FieldGeometry:
    """The field of a model at these states, held at one time. Raises ValueError where the model has no field."""
    field = moving.field
    states = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(moving.device)
    found = []
    for block in states.split(BLOCK):
        t = block.new_full((len(block),), time)
        with torch.enable_grad():
            at = block.clone().requires_grad_()
            value = field(t, at)
            rows = [torch.autograd.grad(each.sum(), at, retain_graph=True)[0] for each in value.unbind(dim=1)]
        found.append((value.detach(), torch.stack(rows, dim=1)))
    velocity, jacobian = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return FieldGeometry(velocity, jacobian)
