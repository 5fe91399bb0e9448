"""A network of time, state and interval, for fields that may jump at a measured time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.networks.time_mlp import TimeMLP


class IntervalMLP(nn.Module):
    """A `TimeMLP` that also sees which interval a time lies in, one unit for each: at a measured time the one that
    begins there, so that a step ends just before (`math.integrate`). Weights of a network that did not see it are read
    as of one that ignores it."""

    inner: Tensor

    def __init__(self, spec: DataSpec, out: int, width: int, depth: int, unit: float = 1.0) -> None:
        super().__init__()
        self.intervals, self.scale = len(spec.times) - 1, spec.scale
        seen = replace(spec, dim=spec.dim + self.intervals, center=(*spec.center, *(0.0,) * self.intervals))
        self.net = TimeMLP(seen, out, width, depth, unit)
        self.register_buffer("inner", torch.tensor(spec.times[1:-1], dtype=torch.float32), persistent=False)
        self.register_load_state_dict_pre_hook(_read_without_intervals)

    def forward(self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch out"]:
        k = torch.searchsorted(self.inner, t.contiguous(), right=True)
        which = nn.functional.one_hot(k, self.intervals).to(x) * self.scale
        return self.net(t, torch.cat([x, which], dim=1))


def _read_without_intervals(module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Weights of a plain `TimeMLP` get zeros between state and time."""
    assert isinstance(module, IntervalMLP) and isinstance(state, dict)
    for name in [each for each in state if each.startswith(f"{prefix}layers.")]:
        state[f"{prefix}net.{name.removeprefix(prefix)}"] = state.pop(name)
    first = f"{prefix}net.layers.0.weight"
    if first in state and state[first].shape[1] < module.net.layers[0].in_features:
        weight = state[first]
        nothing = weight.new_zeros(len(weight), module.intervals)
        state[first] = torch.cat([weight[:, :-1], nothing, weight[:, -1:]], dim=1)
