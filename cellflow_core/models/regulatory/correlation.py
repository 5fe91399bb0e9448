"""Correlation of genes over the cells: the row that any inferred network has to beat.

    w_ij = r(x_i, x_j),  0 for i = j

with r the correlation of Pearson, or of Spearman (Pearson's of the ranks), over all cells, or those of one group. It is
symmetric: which of two genes acts stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.models.gene_networks.group_networks import GroupNetworks, GroupSettings, correlation_matrix

Array = np.ndarray


@dataclass(frozen=True)
class Settings(GroupSettings):
    kind: Literal["pearson", "spearman"] = setting(
        "pearson",
        "correlation of values, or of their ranks",
        choice_labels={"pearson": "Pearson", "spearman": "Spearman"},
        label="Correlation",
    )


class Correlation(GroupNetworks):
    title = "Correlation of genes"
    summary = "Joins genes whose levels rise and fall together over the cells: what any inferred network has to beat."
    limitation = (
        "A correlation has no direction: which of two genes acts stays open, and both may follow a third. That cells "
        "of several types are taken together is enough to make genes correlate."
    )
    paper = "Pearson 1896, doi:10.1098/rsta.1896.0007; Spearman 1904, doi:10.2307/1412159"
    Config = Settings
    config: Settings

    def estimate(self, x: Float[Array, "cells genes"], rng: np.random.Generator) -> Float[Array, "genes genes"]:
        if self.config.kind == "spearman":
            from scipy.stats import rankdata

            x = rankdata(x, axis=0)
        return correlation_matrix(x)
