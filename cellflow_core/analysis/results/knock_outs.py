"""The result of predicted knock-outs held against measured ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
SCORES = ("R2", "sign", "discrimination")


@dataclass(frozen=True)
class KnockOutScores(Result):
    """Changes of genes in knock-outs that were measured, as a model and as trivial answers predict them.

    rows       what predicts: the model first, then "no change", "mean of the other knock-outs", "half against half"
    scores     [rows, targets, 3], in the order of SCORES (defined in analysis/perturbations/knock_out_scores.py)
    measured, predicted  [targets, genes]: mean change (expression), by the model; the target's own gene among them
    cells      [targets]: perturbed cells; changed [targets]: genes that change (adjusted p below 0.05)
    """

    rows: tuple[str, ...]
    targets: tuple[str, ...]
    genes: tuple[str, ...]
    scores: Float[Array, "rows targets scores"]
    measured: Float[Array, "targets genes"]
    predicted: Float[Array, "targets genes"]
    cells: Float[Array, " targets"]
    changed: Float[Array, " targets"]
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> Float[Array, " rows"]:
        """s = (R2 - that of the mean of the other knock-outs) / (that of half against half - the former), of the means
        over targets: 0 is the trivial answer, 1 a repeat of the experiment. NaN where a repeat is no better than that
        or no change."""
        mean = np.nanmean(self.scores[:, :, 0], axis=1)
        trivial, best = mean[self.rows.index(MEAN)], mean[self.rows.index(HALVES)]
        return (mean - trivial) / (best - trivial) if best > max(trivial, 0.0) else np.full(len(mean), np.nan)


STILL, MEAN, HALVES = "no change", "mean of the other knock-outs", "half against half"
