"""Does the fit of a gene depend on its cells? Permutation scores of a model, within groups of cells."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.results import PermutationScores
from cellflow_core.data.snapshots import NO_LABEL, Snapshots
from cellflow_core.models.contract import DynamicsModel, HasPermutationScores
from cellflow_core.models.lineages.tree_model import k_means

Array = np.ndarray
LEAST = 20
"""Cells that a group must have."""
COMPONENTS = 50
"""Most axes in which clusters are found."""


def permutation_scores(model: DynamicsModel, data: Snapshots, by: str = "", seed: int = 0) -> PermutationScores:
    """by: annotation within whose groups RNA is shuffled; "": clusters by k-means.

    Raises ValueError, with a sentence, for a model without such scores and where no group has LEAST cells, and KeyError
    for an annotation the data do not have.
    """
    if not isinstance(model, HasPermutationScores):
        raise ValueError(f"{model.title} has no permutation scores: choose a model that reconstructs both kinds of RNA")
    group, names = _groups(data, by, seed)
    if not names:
        raise ValueError(f"no group of {by} has {LEAST} cells or more: RNA is shuffled within larger groups only")
    kept = group >= 0
    x = torch.from_numpy(np.ascontiguousarray(data.x[kept], dtype=np.float32)).to(model.device)
    groups = torch.from_numpy(group[kept]).to(model.device)
    rng = torch.Generator(model.device).manual_seed(seed)
    model.eval()
    score = model.permutation_scores(x, groups, rng).cpu().numpy().astype(float)
    left = int((~kept).sum())
    note = f"{left:,} cells without a group, or of one with fewer than {LEAST} cells, are left out."
    return PermutationScores(
        title=model.title,
        by=by,
        names=names,
        cells=np.bincount(group[kept], minlength=len(names)),
        genes=data.space.genes,
        score=score,
        notes=(note,) if left else (),
    )


def _groups(data: Snapshots, by: str, seed: int) -> tuple[Int[Array, " cells"], tuple[str, ...]]:
    """(group of each cell, -1 for none; names of the groups)."""
    if not by:
        from sklearn.decomposition import PCA

        wide = data.x.shape[1] > COMPONENTS
        group = k_means(PCA(COMPONENTS, random_state=seed).fit_transform(data.x) if wide else data.x, seed)
        return group, tuple(f"cluster {k + 1}" for k in range(group.max() + 1))
    values = labels_of(data, by).astype(str)
    found, sizes = np.unique(values, return_counts=True)
    names = tuple(str(name) for name, size in zip(found, sizes, strict=True) if size >= LEAST and name not in NO_LABEL)
    place = {name: k for k, name in enumerate(names)}
    return np.array([place.get(each, -1) for each in values]), names
