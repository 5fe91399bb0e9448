"""Flow matching from noise to what is drawn, under a condition: the part that generators share.

Lipman et al., "Flow matching for generative modeling", ICLR 2023, arXiv:2210.02747, on straight paths from standard
normal noise z to a target y with condition c:

    z_s = (1 - s) z + s y,    E |v(s, z_s, c) - (y - z)|^2 -> min,    dz / ds = v(s, z, c) from s = 0 to 1 draws y

All numbers are without units and of about unit size: whoever uses it scales them.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import State, solve
from cellflow_core.models.networks.time_mlp import TimeMLP

STEPS = 24
"""Steps of the midpoint rule from noise to a drawn target."""


class ConditionalFlow(nn.Module):
    """Draws targets of `dim` numbers given a condition of `known` numbers."""

    def __init__(self, dim: int, condition: int, width: int, depth: int) -> None:
        super().__init__()
        self.dim = dim
        inputs = DataSpec(dim + condition, times=(0.0, 1.0), center=(0.0,) * (dim + condition), scale=1.0, interval=1.0)
        self.net = TimeMLP(inputs, dim, width, depth)

    def error(
        self, target: Float[Tensor, "batch dim"], condition: Float[Tensor, "batch known"], rng: torch.Generator
    ) -> Float[Tensor, "batch dim"]:
        """Error of the velocity at one random fraction of the path to each target."""
        noise = torch.randn(target.shape, generator=rng, device=target.device)
        s = torch.rand(len(target), generator=rng, device=target.device)
        on_path = torch.lerp(noise, target, s[:, None])
        return self(s, on_path, condition) - (target - noise)

    def forward(
        self, s: Float[Tensor, " batch"], z: Float[Tensor, "batch dim"], condition: Float[Tensor, "batch known"]
    ) -> Float[Tensor, "batch dim"]:
        return self.net(s, torch.cat([z, condition], dim=1))

    def sample(
        self,
        condition: Float[Tensor, "batch known"],
        rng: torch.Generator,
        unconditional: Float[Tensor, "batch known"] | None = None,
        guidance: float = 1.0,
    ) -> Float[Tensor, "batch dim"]:
        """One target for each condition.

        without   the condition less what is to be guided by; with it the velocity is v(without) + guidance (v(known) -
                  v(without)), classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598)
        """

        def velocity(time: float, state: State) -> State:
            (z,) = state
            s = z.new_full((len(z),), time)
            found = self(s, z, condition)
            return (found if unconditional is None else torch.lerp(self(s, z, unconditional), found, guidance),)

        noise = torch.randn((len(condition), self.dim), generator=rng, device=condition.device)
        *_, (target,) = solve(velocity, (noise,), [k / STEPS for k in range(STEPS + 1)], "midpoint")
        return target
