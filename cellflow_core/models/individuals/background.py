"""What is known of an individual from the start, as inputs of a network: covariates, and labels as words."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors


class Background(nn.Module):
    """Covariates, standardised (unknown ones are the mean, and marked), and an indicator of each word of each label."""

    center: Tensor
    scale: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.covariates, self.labels = spec.covariates, spec.labels
        self.size = 2 * len(self.covariates) + sum(len(words) for _, words in self.labels)
        self.register_buffer("center", torch.zeros(len(self.covariates)))
        self.register_buffer("scale", torch.ones(len(self.covariates)))

    def learn(self, frames: TrajectoryTensors) -> None:
        """Mean and standard deviation of each covariate."""
        for k, name in enumerate(self.covariates):
            values = frames.known[f"covariate {name}"]
            known = values[values.isfinite()]
            if len(known):
                self.center[k], deviation = known.mean(), known.std(correction=0)
                self.scale[k] = deviation if deviation > 0 else 1.0

    def standardised(self, batch: TrajectoryBatch) -> Float[Tensor, "batch covariates"]:
        """Each covariate in standard deviations from its mean; NaN where unknown."""
        if not self.covariates:
            return torch.zeros(len(batch.t), 0, device=batch.t.device)
        values = torch.stack([batch.known[f"covariate {name}"] for name in self.covariates], dim=1)
        return (values - self.center) / self.scale

    def forward(self, batch: TrajectoryBatch) -> Float[Tensor, "batch size"]:
        values = self.standardised(batch)
        parts = [values.nan_to_num(0.0), values.isnan().to(values.dtype)]
        for name, words in self.labels:
            number = batch.known.get(f"label {name}", torch.full((len(batch.t),), -1, device=batch.t.device))
            parts.append((number[:, None] == torch.arange(len(words), device=number.device)).to(values.dtype))
        return torch.cat(parts, dim=1)
