"""Genes of the initial cells set to a score, and nothing clamped afterwards: the perturbation of PRESCIENT.

Yeo, Saksena & Gifford, Nature Communications 2021, doi:10.1038/s41467-021-23518-w: before a simulation the scaled
expression of a gene is set to a score z in every initial cell (about -5 for a loss, +5 for a gain), and the changed
profile is encoded. With mean m and standard deviation s of the gene over all cells

    x' = x + encode(e with the gene at m + z s) - encode(e),    e = decode(x)

The published program changes the measured profile; here e, m and s are read from the model's state, for the perturbed
and the control genes alike, and a change of none leaves the cell where it is. In principal components one gene among
thousands moves a cell by its loadings only, which is far less than clamping its level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.analysis.dynamics import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import Context

Array = np.ndarray


@dataclass(frozen=True)
class Shifted(ModelWrapper):
    """A model whose initial cells have genes set to scores; afterwards all follows the model inside.

    scores  gene -> standard deviations from its mean over all cells of `data`
    Raises as `shifted` does, and ValueError for a model without a field, which could not start from changed cells.
    """

    model: Model
    data: Snapshots
    scores: Mapping[str, float]

    def dynamics(self, context: Context) -> Dynamics:
        inner = dynamics(self.model, context)
        _ = inner.field  # a plan or a sampler would take a shifted cell for the nearest measured one
        return replace(inner, initial=lambda x: self._shifted(x if inner.initial is None else inner.initial(x)))

    def _shifted(self, x: Tensor) -> Tensor:
        states = shifted(self.data, self.scores, x.detach().cpu().numpy())
        return torch.from_numpy(np.ascontiguousarray(states)).to(x)


def shifted(data: Snapshots, scores: Mapping[str, float], x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
    """x' above, of states x, with all genes of `scores` set at once.

    Raises KeyError where the space does not hold a gene, ValueError where its expression is the same in all cells.
    """
    space = data.space
    before = space.decode(x)
    after = before.copy()
    for gene, score in scores.items():
        read = space.expression(data.x, gene)
        deviation = float(read.std())
        if not deviation > 1e-9 * float(np.abs(read).max()):
            raise ValueError(
                f"{gene} is the same in all cells as read from their state, so it has no score to be set to"
            )
        after[:, space.index(gene)] = float(read.mean()) + score * deviation
    return (x + space.encode(after) - space.encode(before)).astype(x.dtype)
