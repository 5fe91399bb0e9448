"""Controlled differential equations: a state that moves as a path of data moves.

Kidger, Morrill, Foster & Lyons, "Neural controlled differential equations for irregular time series", NeurIPS 2020,
arXiv:2005.08926:

    dz = f(z) dX,    f(z) [hidden, channels],    X(t) = (time, values, how often each was measured, doses so far)

Between two rows X is a straight line; a value that is missing in a row lies on the line between the two measurements
around it, before the first and after the last one it stays. Nothing later than the last row moves z.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryBatch
from cellflow_core.math.integrate import solve
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.schedule import of_kinds

COUNTED = 10.0
"""Number of measurements that is 1 as an input."""


class ControlledField(nn.Module):
    """f above: one hidden layer, and values between -1 and 1."""

    def __init__(self, hidden: int, channels: int, width: int) -> None:
        super().__init__()
        self.hidden, self.channels = hidden, channels
        self.layers = nn.Sequential(nn.Linear(hidden, width), nn.SiLU(), nn.Linear(width, hidden * channels), nn.Tanh())

    def forward(self, z: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden channels"]:
        return self.layers(z).unflatten(1, (self.hidden, self.channels))


def along(
    field: ControlledField, z: Float[Tensor, "batch hidden"], change: Float[Tensor, "batch channels"], steps: int = 1
) -> Float[Tensor, "batch hidden"]:
    """The state after X has moved on a straight line by `change`."""

    def rates(_: float, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return ((field(state[0]) @ change[..., None])[..., 0],)

    *_, (end,) = solve(rates, (z,), [k / steps for k in range(steps + 1)], "midpoint")
    return end


def follow(
    field: ControlledField, z: Float[Tensor, "batch hidden"], path: Float[Tensor, "batch rows channels"]
) -> Float[Tensor, "batch rows hidden"]:
    """The state at each row of a path, from z at its first one."""
    found = [z]
    for change in path.diff(dim=1).unbind(dim=1):
        found.append(along(field, found[-1], change))
    return torch.stack(found, dim=1)


def channels(variables: int, treatments: int) -> int:
    """How many channels `path_of` has."""
    return 1 + 2 * variables + treatments


def path_of(
    batch: TrajectoryBatch, measurement: Measurement, span: float, dose: Float[Tensor, " treatments"]
) -> Float[Tensor, "batch rows channels"]:
    """X at the rows of each individual.

    span  time that is 1 as an input; dose: amount of each treatment that is 1, or of all together
    """
    t = batch.t.minimum(last_time(batch)[:, None])
    values = measurement.standardised(filled(batch))
    values = torch.where(batch.observed.any(dim=1, keepdim=True), values, 0)
    counts = batch.observed.cumsum(dim=1) / COUNTED
    given = doses_so_far(batch.doses, t, len(dose)) / dose
    return torch.cat([(t - batch.t[:, :1])[..., None] / span, values, counts, given], dim=2)


def doses_so_far(
    doses: DoseTensors, t: Float[Tensor, "batch rows"], treatments: int
) -> Float[Tensor, "batch rows treatments"]:
    """Amounts given before each time, of an infusion the part that is in; `treatments` 1: of all kinds together."""
    since, long = t[..., None] - doses.time[:, None], doses.duration[:, None]
    share = torch.where(long > 0, (since / torch.where(long > 0, long, 1)).clamp(0, 1), (since > 0).to(t.dtype))
    return (share * doses.amount[:, None]) @ of_kinds(doses, treatments).to(t.dtype)


def last_time(batch: TrajectoryBatch) -> Float[Tensor, " batch"]:
    """When an individual was measured last; its first row where it never was."""
    seen = batch.observed.any(dim=2)
    return torch.where(seen, batch.t, batch.t[:, :1]).amax(dim=1)


def filled(batch: TrajectoryBatch) -> Float[Tensor, "batch rows variables"]:
    """Values with those that are missing as on the lines above; 0 for a variable that was never measured."""
    rows = torch.arange(batch.t.shape[1], device=batch.t.device)[None, :, None]
    before = torch.where(batch.observed, rows, -1).cummax(dim=1).values
    after = torch.where(batch.observed, rows, batch.t.shape[1]).flip(1).cummin(dim=1).values.flip(1)
    after = torch.where(after < batch.t.shape[1], after, before)
    before = torch.where(before >= 0, before, after)
    left, right = before.clamp(min=0), after.clamp(min=0)
    t = batch.t[..., None].expand_as(batch.x)
    gap = t.gather(1, right) - t.gather(1, left)
    share = torch.where(gap > 0, (t - t.gather(1, left)) / torch.where(gap > 0, gap, 1), 0)
    return torch.lerp(batch.x.gather(1, left), batch.x.gather(1, right), share.clamp(0, 1))


def interpolated(
    t: Float[Tensor, "batch rows"], values: Float[Tensor, "batch rows any"], times: Float[Tensor, "batch times"]
) -> Float[Tensor, "batch times any"]:
    """Values at other times: on the lines between the rows of each individual, constant before and after them."""
    last = t.shape[1] - 1
    right = torch.searchsorted(t.contiguous(), times.contiguous()).clamp(max=last)
    left = (right - 1).clamp(min=0)
    start, end = t.gather(1, left), t.gather(1, right)
    share = torch.where(end > start, (times - start) / torch.where(end > start, end - start, 1), 1).clamp(0, 1)
    first, second = (values.gather(1, each[..., None].expand(-1, -1, values.shape[2])) for each in (left, right))
    return torch.lerp(first, second, share[..., None])
