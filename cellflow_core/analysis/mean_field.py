"""The field of one moment where cells interact: velocity and drift with the interaction of a fixed population."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.analysis.simulate import MAX_INTERACTING_CELLS
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import Context

Array = np.ndarray


@dataclass(frozen=True)
class InPopulation(ModelWrapper):
    """A model whose velocity and drift include the interaction with a fixed population.

    A model whose cells do not interact is left as it is.

    cloud   states of the population; weight: mass of each of its cells, relative to the others; None: all the same
    """

    model: Model
    cloud: Float[Array, "others dim"]
    weight: Float[Array, " others"] | None = None

    def dynamics(self, context: Context) -> Dynamics:
        inner = dynamics(self.model, context)
        among = inner.interaction
        if among is None:
            return inner
        some = np.random.default_rng(0).permutation(len(self.cloud))[:MAX_INTERACTING_CELLS]
        cloud = torch.from_numpy(np.ascontiguousarray(self.cloud[some], dtype=np.float32)).to(inner.device)
        weight = torch.ones_like(cloud[:, 0]) if self.weight is None else torch.from_numpy(self.weight[some]).to(cloud)
        weight = weight / weight.sum()

        def with_others(own: Field | None) -> Field | None:
            return None if own is None else lambda t, x: own(t, x) + among(t, x, cloud.to(x), weight.to(x))

        return replace(inner, velocity=with_others(inner.velocity), drift=with_others(inner.drift), interaction=None)


def interaction_note(moving: Dynamics, cells: str) -> tuple[str, ...]:
    """A note on the population that cells interact with in a field; `moving` as it was before `InPopulation`."""
    if moving.interaction is None:
        return ()
    return (f"In {moving.title} cells act on each other: each interacts with {cells}, which are kept fixed.",)
