"""Neural CDE: a hidden state moves as the path of what was measured moves, for labels and forecasts of individuals.

Kidger, Morrill, Foster & Lyons, "Neural controlled differential equations for irregular time series", NeurIPS 2020,
arXiv:2005.08926:

    h(0) = linear(X(0)),   dh = f(h) dX,   X(t) = (time, values, how often each was measured, doses so far)

X goes through the measured values of each variable, on straight lines or natural cubic splines, whichever are missing.
From the last h come the probabilities of a label, linear(h), and q(z_0) of the forecast: a latent ODE with doses
(`individuals.latent_course`), the decoder that the paper does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.contract import Loss
from cellflow_core.models.individuals.controlled import ControlledField, channels, follow, interpolated, path_of
from cellflow_core.models.individuals.latent_course import LatentCourse, LatentSettings
from cellflow_core.models.individuals.smooth_path import natural_spline
from cellflow_core.models.networks.gaussian_encoder import LOG_VARIANCE, Posterior

FINER = 3
"""Straight pieces between two rows that stand for a cubic one."""


@dataclass(frozen=True)
class Settings(LatentSettings):
    interpolation: Literal["linear", "cubic"] = setting(
        "linear", "path through the measured values: straight lines or natural cubic splines"
    )
    annotation: str = setting("", "annotation of individuals that is predicted; empty: none", label="Predicted label")


class ControlledEncoder(nn.Module):
    """The CDE, and q(z_0) from its last state."""

    def __init__(self, variables: int, hidden: int, width: int, latent: int) -> None:
        super().__init__()
        size = channels(variables, 1)
        self.first = nn.Linear(size, hidden)
        self.field = ControlledField(hidden, size, width)
        self.head = nn.Linear(hidden, 2 * latent)

    def forward(self, path: Float[Tensor, "batch rows channels"]) -> Float[Tensor, "batch hidden"]:
        """The hidden state at the end of the path."""
        return follow(self.field, self.first(path[:, 0]), path)[:, -1]


class NeuralCDE(LatentCourse):
    title = "Neural CDE (after Kidger et al. 2020)"
    summary = "A hidden state moves as what was measured moves, whenever that was: for labels and forecasts."
    paper = "Kidger et al. 2020, arXiv:2005.08926"

    Config = Settings
    config: Settings
    encoder: ControlledEncoder

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.classes = dict(spec.labels).get(config.annotation, ())
        if config.annotation and len(self.classes) < 2:
            named = ", ".join(name for name, _ in spec.labels) or "none"
            raise ValueError(f"there is no annotation {config.annotation!r} of two or more groups; there are {named}")
        self.label_head = nn.Linear(config.hidden, len(self.classes)) if self.classes else None

    def make_encoder(self) -> nn.Module:
        return ControlledEncoder(self.spec.dim, self.config.hidden, self.config.width, self.config.latent)

    def encode(self, batch: TrajectoryBatch) -> Posterior:
        return self._posterior(batch, self.encoder(self.path(batch)))

    def _posterior(self, batch: TrajectoryBatch, hidden: Tensor) -> Posterior:
        mean, log_variance = self.encoder.head(hidden).chunk(2, dim=1)
        some = batch.observed.any(dim=2).any(dim=1)[:, None]
        return Posterior(torch.where(some, mean, 0), torch.where(some, log_variance.clamp(*LOG_VARIANCE), 0))

    def path(self, batch: TrajectoryBatch) -> Float[Tensor, "batch points channels"]:
        """X at the rows, or FINER times as many points where it is curved."""
        lines = path_of(batch, self.measurement, float(self.scales.span), self.scales.dose[None])
        if self.config.interpolation == "linear" or batch.t.shape[1] < 2:
            return lines
        share = torch.arange(FINER, device=batch.t.device) / FINER
        between = torch.lerp(batch.t[:, :-1, None], batch.t[:, 1:, None], share).flatten(1)
        times = torch.cat([between, batch.t[:, -1:]], dim=1)
        found = interpolated(batch.t, lines, times)
        values = natural_spline(batch.t, self.measurement.standardised(batch.x), batch.observed, times)
        return torch.cat([found[..., :1], values, found[..., 1 + self.spec.dim :]], dim=2)

    def label_probabilities(self, subjects: TrajectoryBatch) -> Float[Tensor, "subjects groups"]:
        """Probability of each group of the annotation, in the order of `classes`, from what was measured so far.

        Raises ValueError where no annotation was chosen to be predicted.
        """
        if self.label_head is None:
            raise ValueError(f"{self.title} was trained without an annotation to be predicted")
        return self.label_head(self.encoder(self.path(subjects))).softmax(dim=1)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        hidden = self.encoder(self.path(batch))
        course = self.bound(batch, self._posterior(batch, hidden))
        if self.label_head is None:
            return course
        scores, group = self.label_head(hidden), batch.known[f"label {self.config.annotation}"]
        known = group >= 0
        entropy = nn.functional.cross_entropy(scores[known], group[known]) if known.any() else scores.sum() * 0
        right = (scores.argmax(dim=1) == group)[known].float().sum() / known.sum().clamp(min=1)
        values = batch.observed.sum() / len(batch.t)
        terms = {**course.terms, "label": entropy.detach(), "accuracy": right.detach()}
        return Loss(course.total / values.clamp(min=1) + entropy, terms)
