"""A transport plan: pairs of observed cells of two consecutive times, each with its mass and its path."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math import spline


@dataclass(frozen=True)
class TransportPlan:
    """Pairs of observed cells of two consecutive times, each with its mass, and the path between them.

    x0 [pairs, dim] at time t0, x1 [pairs, dim] at time t1, weight [pairs] summing to one.
    target_mass      of each pair at time t1, where cells grow
    tangent_offsets  [pairs, dim] (state per interval): by how much the path departs from the straight line at its two
                     ends, as in math/spline.py; None: it is straight
    converged        whether the solver reached its tolerance
    """

    t0: float
    t1: float
    x0: Float[Tensor, "pairs dim"]
    x1: Float[Tensor, "pairs dim"]
    weight: Float[Tensor, " pairs"]
    target_mass: Float[Tensor, " pairs"] | None = None
    tangent_offsets: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]] | None = None
    converged: bool = True

    def take(self, rows: Tensor) -> TransportPlan:
        """Some of the pairs, by index or by mask, with the weights they have, whatever these sum to."""
        return replace(
            self,
            x0=self.x0[rows],
            x1=self.x1[rows],
            weight=self.weight[rows],
            target_mass=None if self.target_mass is None else self.target_mass[rows],
            tangent_offsets=self.tangent_offsets and (self.tangent_offsets[0][rows], self.tangent_offsets[1][rows]),
        )

    @property
    def growth(self) -> Float[Tensor, " pairs"]:
        """d log mass / dt of each pair (1 / time), however steep; 0 where the plan keeps all mass."""
        if self.target_mass is None:
            return torch.zeros_like(self.weight)
        before, after = (each.double().clamp_min(1e-30) for each in (self.weight, self.target_mass))
        return ((after / before).log() / (self.t1 - self.t0)).to(self.weight)

    def interpolate(self, time: float) -> Float[Tensor, "pairs dim"]:
        """Positions of the pairs at a time from t0 to t1 (state)."""
        s = self.x0.new_tensor([[(time - self.t0) / (self.t1 - self.t0)]])
        straight = torch.lerp(self.x0, self.x1, s)
        return straight if self.tangent_offsets is None else straight + spline.hermite_offset(s, *self.tangent_offsets)

    def velocity_at(self, time: float) -> Float[Tensor, "pairs dim"]:
        """Velocity of the pairs at a time from t0 to t1 (state / time)."""
        s = self.x0.new_tensor([[(time - self.t0) / (self.t1 - self.t0)]])
        path = self.x1 - self.x0
        if self.tangent_offsets is not None:
            path = path + spline.hermite_offset_derivative(s, *self.tangent_offsets)
        return path / (self.t1 - self.t0)
