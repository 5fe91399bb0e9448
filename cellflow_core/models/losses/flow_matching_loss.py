"""Regression of a velocity, and of a growth rate, on the paths between paired cells: the losses of flow matching."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import Loss
from cellflow_core.models.networks.time_mlp import velocity_scale
from cellflow_core.models.paths.path_sample import PathSample


def flow_matching_loss(velocity: Field, at: PathSample, spec: DataSpec, growth: Field | None = None) -> Loss:
    """E_m |v - u|^2 in typical squared speeds; with `growth` plus E_m (g - r)^2 in units of one over the mean interval.

    m is the mass of a pair at the time on its path, u the velocity of the path and r the growth rate of the pair;
    `growth` gives [pairs, 1]. Raises ValueError with `growth` for pairs whose mass is conserved.
    """
    terms = {"velocity": at.mean(velocity_error(velocity, at, spec).square())}
    if growth is not None:
        terms["growth"] = growth_loss(growth, at, spec)
    return Loss(sum_of(terms), {name: each.detach() for name, each in terms.items()})


def velocity_error(velocity: Field, at: PathSample, spec: DataSpec) -> Float[Tensor, "pairs dim"]:
    """v(t, x_t) - u_t in typical speeds."""
    return (velocity(at.t, at.x) - at.velocity) / velocity_scale(spec)


def growth_loss(growth: Field, at: PathSample, spec: DataSpec) -> Float[Tensor, ""]:
    """E_m (g - r)^2 in units of one over the mean interval; `growth` gives [pairs, 1]."""
    if at.growth is None:
        raise ValueError("these pairs have no growth rate: take the pairs of an unbalanced plan")
    return at.mean(((growth(at.t, at.x) - at.growth[:, None]) * spec.interval).square())


def sum_of(terms: dict[str, Tensor]) -> Float[Tensor, ""]:
    return torch.stack([*terms.values()]).sum()
