"""GRNBoost2: each gene predicted from the regulators by boosted trees, whose importances are the network.

Moerman, Aibar Santos, Bravo González-Blas, Simm, Moreau, Aerts & Aerts, "GRNBoost2 and Arboreto: efficient and scalable
inference of gene regulatory networks", Bioinformatics 35:2159, 2019, doi:10.1093/bioinformatics/bty916; after GENIE3
(Huynh-Thu et al. 2010, doi:10.1371/journal.pone.0012776). Stochastic gradient boosting (Friedman 2002,
doi:10.1016/S0167-9473(01)00065-2) of each target on the other regulators; it ends when the loss of the cells that a
tree was not fitted to has not improved, in the mean of the last trees:

    w_ij = number of trees for i  x  share of j in the reduction of the squared error by these trees

Departure: the authors' influences have no sign; here w_ij has that of the correlation of the two genes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.gene_networks.group_networks import (
    GroupNetworks,
    GroupSettings,
    chosen_genes,
    correlation_matrix,
)

Array = np.ndarray


@dataclass(frozen=True)
class Settings(GroupSettings):
    regulators: str = setting(
        "", "genes that may act on others, separated by commas; empty: all genes", label="Regulators"
    )
    shrinkage: float = setting(0.01, "how much of each tree is added", 0.001, 1.0, label="Shrinkage of the trees")
    subsample: float = setting(
        0.9, "share of the cells that each tree is fitted to", 0.1, 0.99, label="Share of cells a tree"
    )
    features: float = setting(
        0.1,
        "share of the regulators among which each split is chosen",
        0.01,
        1.0,
        label="Share of regulators at a split",
    )
    tree_depth: int = setting(3, "largest depth of a tree", 1, 12, label="Depth of the trees")
    most_trees: int = setting(5000, "most trees for each target", 1, 20_000, label="Most trees")
    window: int = setting(
        25, "trees over whose mean improvement the end is decided", 1, 1000, label="Window of the early stop"
    )


class Grnboost2(GroupNetworks):
    title = "GRNBoost2 (after Moerman et al. 2019)"
    summary = (
        "Predicts each gene from all regulators by boosted regression trees: the regulators that the trees use most "
        "are its network."
    )
    limitation = (
        "A gene that predicts another need not regulate it: both may follow a third, or the prediction may go against "
        "the direction of the regulation. The sign is that of their correlation."
    )
    paper = "Moerman et al. 2019, Bioinformatics 35:2159, doi:10.1093/bioinformatics/bty916"
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.sources = np.flatnonzero(chosen_genes(config.regulators, spec.genes, "regulators"))

    def estimate(self, x: Float[Array, "cells genes"], rng: np.random.Generator) -> Float[Array, "genes genes"]:
        found, levels = np.zeros((x.shape[1], x.shape[1])), x.astype(np.float32)
        for target, own in enumerate(rng.spawn(x.shape[1])):
            others = self.sources[self.sources != target]
            if len(others) and np.ptp(x[:, target]) > 0:
                found[target, others] = self._importance(levels[:, others], x[:, target], own)
        return found * np.sign(correlation_matrix(x))

    def _importance(
        self, x: Float[Array, "cells sources"], y: Float[Array, " cells"], rng: np.random.Generator
    ) -> Float[Array, " sources"]:
        """Trees times the share of each source in what they explain of y."""
        from sklearn.tree import DecisionTreeRegressor

        use, inside = self.config, min(round(self.config.subsample * len(x)), len(x) - 1)
        rest, explained, improved = y - y.mean(), np.zeros(x.shape[1]), deque[float](maxlen=self.config.window)
        trees = 0
        while trees < use.most_trees and (len(improved) < use.window or np.mean(improved) >= 0):
            seen = np.zeros(len(x), bool)
            seen[rng.permutation(len(x))[:inside]] = True
            tree = DecisionTreeRegressor(
                criterion="friedman_mse",
                max_depth=use.tree_depth,
                max_features=use.features,
                random_state=int(rng.integers(2**31 - 1)),
            ).fit(x, rest, sample_weight=seen.astype(np.float64), check_input=False)
            after = rest - use.shrinkage * tree.predict(x, check_input=False)
            improved.append(float(np.mean(np.square(rest[~seen]) - np.square(after[~seen]))))
            explained += tree.tree_.compute_feature_importances(normalize=False)
            rest, trees = after, trees + 1
        return trees * explained / max(explained.sum(), 1e-300)
