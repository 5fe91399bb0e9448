"""What was measured of an individual so far, read backward in time by a recurrent network.

Che et al. 2018, doi:10.1038/s41598-018-24271-9 (values with their mask and the time since the last); Rubanova, Chen &
Duvenaud 2019, arXiv:1907.03907 (a state that moves by an ODE between the measurements: ODE-RNN). A row is a vector of

    values (0 where not measured), mask, below the limit, time since the first row and the last dose, amount of that

in standard units. Rows without a measured value change nothing, so that a history may end anywhere; it may be empty.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.networks.gaussian_encoder import LOG_VARIANCE, Posterior
from cellflow_core.models.networks.mlp import MLP

FLOW_STEPS = 2
"""Steps of the ODE of the hidden state between two rows."""


class Scales(nn.Module):
    """Size of a dose, and how long individuals are followed, in the training data."""

    dose: Tensor
    span: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("dose", torch.ones(()))
        self.register_buffer("span", torch.ones(()))

    def learn(self, frames: TrajectoryTensors) -> None:
        given = frames.doses.amount[frames.doses.amount != 0]
        self.dose.copy_(given.abs().mean() if len(given) else torch.ones(()))
        span = (frames.t.amax(dim=1) - frames.t.amin(dim=1)).mean()
        self.span.copy_(span if span > 0 else torch.ones(()))


def rows(batch: TrajectoryBatch, measurement: Measurement, scales: Scales) -> Float[Tensor, "batch rows features"]:
    """Each row of a history as numbers."""
    seen = batch.observed.float()
    x = measurement.standardised(batch.x) * seen
    since, amount = last_dose(batch.t, batch.doses)
    times = torch.stack([batch.t - batch.t[:, :1], since], dim=-1) / scales.span
    return torch.cat([x, seen, batch.censored.float(), times, amount[..., None] / scales.dose], dim=-1)


def row_size(variables: int) -> int:
    """Number of features of a row."""
    return 3 * variables + 3


def last_dose(
    t: Float[Tensor, "batch rows"], doses: DoseTensors
) -> tuple[Float[Tensor, "batch rows"], Float[Tensor, "batch rows"]]:
    """(time since the last dose before each time, its amount); 0 and 0 where there was none."""
    if not doses.time.shape[1]:
        return torch.zeros_like(t), torch.zeros_like(t)
    given = (doses.time[:, None] < t[..., None]) & (doses.amount != 0)[:, None]
    since, which = torch.where(given, t[..., None] - doses.time[:, None], torch.inf).min(dim=2)
    none = since.isinf()
    return torch.where(none, 0, since), torch.where(none, 0, doses.amount.gather(1, which))


class HistoryEncoder(nn.Module):
    """History -> q(z) of each individual; the standard normal where nothing was measured.

    flows  whether the hidden state moves by an ODE between rows (ODE-RNN), or stands until the next (GRU)
    """

    def __init__(self, variables: int, hidden: int, latent: int, flows: bool) -> None:
        super().__init__()
        self.cell = nn.GRUCell(row_size(variables), hidden)
        self.flow = MLP(hidden, hidden, hidden, 1) if flows else None
        self.head = nn.Linear(hidden, 2 * latent)

    def forward(self, batch: TrajectoryBatch, features: Float[Tensor, "batch rows features"], unit: float) -> Posterior:
        """unit: of time, in which the ODE of the hidden state counts."""
        seen = batch.observed.any(dim=2)
        known = seen.flip(1).cumsum(dim=1).flip(1) > 0  # something was measured in this row or later
        hidden = torch.zeros(len(batch.t), self.cell.hidden_size, device=batch.t.device)
        for k in reversed(range(batch.t.shape[1])):
            if self.flow is not None and k + 1 < batch.t.shape[1]:
                gap = (batch.t[:, k + 1] - batch.t[:, k])[:, None] / unit
                moved = hidden
                for _ in range(FLOW_STEPS):
                    moved = moved + torch.tanh(gap / FLOW_STEPS) * self.flow(moved)
                hidden = torch.where(known[:, k + 1, None], moved, hidden)
            hidden = torch.where(seen[:, k, None], self.cell(features[:, k], hidden), hidden)
        mean, log_variance = self.head(hidden).chunk(2, dim=1)
        some = known[:, :1]
        return Posterior(torch.where(some, mean, 0), torch.where(some, log_variance.clamp(*LOG_VARIANCE), 0))


def divergence(p: Posterior, q: Posterior) -> Float[Tensor, " batch"]:
    """Kullback-Leibler divergence of q from p, for Gaussians with diagonal covariance."""
    ratio = p.log_variance - q.log_variance
    square = (p.mean - q.mean).square() / q.log_variance.exp()
    return 0.5 * (ratio.exp() + square - 1 - ratio).sum(dim=1)
