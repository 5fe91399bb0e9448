"""A learnt path between two cells, of Kapusniak et al. 2024, arXiv:2405.14780, equation 5:

m(s) = (1-s) x0 + s x1 + 2 s (1-s) f(x0, x1, s)    with a network f, so that it goes through both cells whatever f is.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.networks.time_mlp import TimeMLP


class NeuralPath(nn.Module):
    """The path m(s) between two cells, a `ConditionalPath`.

    sigma      width of the Gaussian around it (state)
    by_interval  whether f sees the time t0 of the first cell too
    """

    def __init__(self, spec: DataSpec, width: int, depth: int, sigma: float, by_interval: bool = False) -> None:
        super().__init__()
        center = spec.center * 2 + ((0.0,) if by_interval else ())
        both = replace(spec, dim=len(center), center=center, times=(0.0, 1.0), interval=1.0)
        self.bend = TimeMLP(both, spec.dim, width, depth, spec.scale)
        self.sigma, self.by_interval = sigma, by_interval
        middle = (spec.times[0] + spec.times[-1]) / 2
        span = max((spec.times[-1] - spec.times[0]) / 2, 1e-12)
        self.middle, self.per_time = middle, spec.scale / span

    def path(
        self,
        x0: Float[Tensor, "pairs dim"],
        x1: Float[Tensor, "pairs dim"],
        s: Float[Tensor, " pairs"],
        t0: Float[Tensor, " pairs"] | None = None,
    ) -> tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]]:
        """m(s) (state) and m'(s) (state per interval); t0 where the path depends on the interval."""
        seen = [x0, x1]
        if self.by_interval:
            assert t0 is not None
            seen.append(((t0 - self.middle) * self.per_time)[:, None])
        offset, change = self.bend.value_and_time_derivative(s, torch.cat(seen, dim=1))
        column = s[:, None]
        envelope = 2 * column * (1 - column)
        return (
            torch.lerp(x0, x1, column) + envelope * offset,
            x1 - x0 + 2 * (1 - 2 * column) * offset + envelope * change,
        )

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        with torch.no_grad():
            return self.path(x0, x1, t)[0] + self.sigma * epsilon

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor:
        with torch.no_grad():
            return self.path(x0, x1, t)[1]
