"""A force between two cells that depends on their distance alone, as a sum of known functions with learnt strengths.

    F(x - y) = f(|x - y|) (x - y),    f(r) = sum_m c_m max(0, 1 - |r / h - m|),  m = 0 ... knots - 1,  h = reach / knots

f is linear between knots and 0 from `reach` on: above 0 cells push each other away, below they draw together. Such a
force is the slope of the pair potential U(r) = int_r^reach f(q) q dq, and each force has its counterforce. What a cloud
does to a cell is the mean of F over its cells, by mass: linear in c, so that c is found by one linear solve.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

BLOCK = 2_000_000
"""Pairs of cells whose distances are held at once."""


class PairwiseInteraction(nn.Module):
    """F above, with `strength` c (1 / time) in place; reach in units of the state."""

    coefficients: Tensor  # [knots]

    def __init__(self, cutoff: float, knots: int) -> None:
        super().__init__()
        self.cutoff, self.knots = cutoff, knots
        self.register_buffer("coefficients", torch.zeros(knots))

    @property
    def smoothness_penalty(self) -> Float[Tensor, "knots knots"]:
        """c' B c is the sum of the squared steps of f from knot to knot, the one to 0 at the reach included."""
        steps = torch.eye(self.knots, dtype=torch.float64, device=self.coefficients.device)
        steps -= torch.diag(torch.ones_like(steps[0, 1:]), diagonal=1)
        return steps.T @ steps

    def rate(self, distance: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """f (1 / time): the force is f times the distance, above 0 away from the other cell."""
        at = distance * (self.knots / self.cutoff)
        known = torch.cat([self.coefficients, self.coefficients.new_zeros(2)])
        left = at.floor().clamp(max=self.knots).long()
        return torch.lerp(known[left], known[left + 1], (at - left).clamp(max=1.0))

    def forward(
        self, x: Float[Tensor, "*groups cells dim"], cloud: Float[Tensor, "*groups others dim"], weight: Tensor
    ) -> Float[Tensor, "*groups cells dim"]:
        """What the cells of each group's cloud do to cells at x (state / time); weight [*groups, others], sums to one.

        A cell does nothing to itself, so x may be the cloud.
        """
        rows = max(1, BLOCK // max(1, cloud[..., 0].numel()))
        parts = []
        for each in x.split(rows, dim=-2):
            pull = self.rate(_distances(each, cloud)) * weight[..., None, :]
            parts.append(pull.sum(-1, keepdim=True) * each - pull @ cloud)
        return torch.cat(parts, dim=-2)

    def features(
        self, x: Float[Tensor, "groups cells dim"], weight: Float[Tensor, "groups cells"]
    ) -> tuple[Float[Tensor, "groups cells dim knots"], Float[Tensor, "groups cells knots"]]:
        """What cells of a group do to each other for each c_m = 1 (state), and its divergence (no unit)."""
        distance = _distances(x, x)
        at = distance * (self.knots / self.cutoff)
        others = weight[:, None, :] * ~torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
        forces, divergences = [], []
        for m in range(self.knots):
            bump = (1 - (at - m).abs()).clamp(min=0.0)
            pull = bump * others
            forces.append(pull.sum(-1, keepdim=True) * x - pull @ x)
            slope = (bump > 0) * (m - at).sign() * at  # r d bump / dr
            divergences.append(((slope + x.shape[-1] * bump) * others).sum(-1))
        return torch.stack(forces, dim=-1), torch.stack(divergences, dim=-1)


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Between cells of the same group, seen from the middle of the cloud, where they keep their digits."""
    middle = y.mean(dim=-2, keepdim=True)
    return torch.cdist(x - middle, y - middle)
