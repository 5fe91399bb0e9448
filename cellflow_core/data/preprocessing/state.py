"""The state of each cell: principal components (corrected for batches by Harmony), genes or coordinates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cellflow_core.data.preprocessing.harmony import batch_mixing_score, harmony_integrate, mixed_at_random
from cellflow_core.data.preprocessing.highly_variable_genes import most_variable
from cellflow_core.data.preprocessing.normalisation import PreprocessingState, dense
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import principal
from cellflow_core.data.state_space import StateSpace
from cellflow_core.plural import counted

Array = np.ndarray
GENE_AXES = 200
"""At most so many genes can be the axes themselves."""


def compute_state(
    made: PreprocessingState, axes: str, components: int, genes: int, on_progress: Callable[[str], None]
) -> None:
    """Fill `state` and `space` from genes ("pca" or "genes") or from coordinates ("coordinates")."""
    x, features = made.x, made.features
    if axes == "coordinates":
        made.state, made.space = coordinates(dense(x), features, components, made)
        return
    count = genes if axes == "pca" else min(genes, GENE_AXES)
    on_progress("finding the most variable genes")
    batch = None if made.batch is None else made.batch[made.kept]
    chosen = most_variable(x, features, count, batch)
    if len(chosen) < len(features):
        within = "" if batch is None else ", chosen within each batch"
        made.steps.append(f"kept the {len(chosen):,} most variable of {len(features):,} genes for the state{within}")
    names = tuple(features[k] for k in chosen)
    table = x if len(chosen) == len(features) else x[:, chosen]
    if axes == "genes":
        if len(chosen) == GENE_AXES < min(genes, len(features)):
            made.notes.append(f"at most {GENE_AXES} genes can be axes: the {GENE_AXES} most variable were taken")
        made.state = dense(table).astype(np.float32)
        made.space = AffineSpace.of_genes(names)
        made.steps.append(f"the {len(names)} genes themselves are the axes")
        return
    on_progress("computing principal components")
    found = principal(table, names, components)
    made.state, made.space, made.shares = found.state, found.space, found.shares
    carried = f"carrying {found.shares.sum():.0%} of their variance, "
    made.steps.append(f"{found.space.dim} principal components of {len(names):,} genes, {carried}are the axes")
    if batch is not None:
        on_progress("taking out differences between batches")
        _correct(made, batch)


def _correct(made: PreprocessingState, batch: Array) -> None:
    """Move the states so that batches overlap (Harmony), and say how far they do before and after."""
    before, count = made.state, len(np.unique(batch))
    assert before is not None
    made.state = harmony_integrate(before, batch)
    if np.allclose(made.state, before, rtol=0, atol=1e-6 * float(before.std())):
        made.steps.append(f"Harmony found nothing that {count} batches share, and moved no cell")
        made.notes.append(
            f"differences between {count} batches are still in these states: Harmony found no group of alike cells "
            "with two batches in it, so compare cells of different batches with care"
        )
        return
    made.steps.append(
        f"moved the states so that {count} batches overlap (Harmony): of the 15 nearest cells, "
        f"{batch_mixing_score(before, batch):.0%} were of another batch before and "
        f"{batch_mixing_score(made.state, batch):.0%} are now; "
        f"{mixed_at_random(batch):.0%} would be where batches are spread evenly"
    )
    made.notes.append(
        "states were moved to take out differences between batches, so a gene read from a state is corrected "
        "expression, and not what was measured in that cell"
    )


def coordinates(
    values: Float[Array, "cells k"], axes: tuple[str, ...], components: int, made: PreprocessingState
) -> tuple[Float[Array, "cells dim"], StateSpace]:
    """(state, space) of the first `components` columns as they are."""
    kept = min(components, values.shape[1])
    if kept < values.shape[1]:
        made.steps.append(f"the first {kept} of {values.shape[1]} coordinates are the axes")
    else:
        words = counted(kept, "coordinate is the axis, as it stands", "coordinates are the axes, as they stand")
        made.steps.append(f"{words} in the file")
    return np.asarray(values[:, :kept], dtype=np.float32), AffineSpace.coordinates(axes[:kept])
