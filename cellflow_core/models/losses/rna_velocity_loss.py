"""A loss term that keeps a learnt velocity near the RNA velocity of the measured cells, and its setting."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import Loss
from cellflow_core.models.networks.time_mlp import velocity_scale


@dataclass(frozen=True)
class RNAVelocitySettings(Config):
    """A model that may use the RNA velocity of the cells."""

    velocity_weight: float = setting(
        0.0,
        "weight of the squared difference to the RNA velocity of the cells, which must be in the unit of time of the "
        "data; 0: not used",
        0.0,
        1000.0,
        label="Weight of the RNA velocity",
    )


def required_data(needs: frozenset[DataRequirement], config: RNAVelocitySettings) -> frozenset[DataRequirement]:
    """What a model with these needs requires with this setting."""
    return needs | {DataRequirement.VELOCITY} if config.velocity_weight else needs


def with_rna_velocity(loss: Loss, velocity: Field, batch: Batch, spec: DataSpec, weight: float) -> Loss:
    """The loss plus weight E |v(t, x) - RNA velocity|^2 over the measured cells, per axis, in typical squared speeds.

    With weight 0 the loss itself. It draws no random number.
    """
    if not weight:
        return loss
    term = rna_velocity_error(velocity, batch, spec)
    return Loss(loss.total + weight * term, {**loss.terms, "RNA velocity": term.detach()})


def rna_velocity_error(velocity: Field, batch: Batch, spec: DataSpec) -> Float[Tensor, ""]:
    """E |v(t, x) - RNA velocity|^2 over the cells of a batch, per axis, in typical squared speeds."""
    x = batch.x.flatten(0, 1)
    t = batch.times.repeat_interleave(batch.x.shape[1])
    return ((velocity(t, x) - batch.cell_data("velocity").flatten(0, 1)) / velocity_scale(spec)).square().mean()
