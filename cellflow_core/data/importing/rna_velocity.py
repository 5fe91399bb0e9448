"""RNA velocity of a file, and the spliced and unspliced values it comes from: taken where they fit the state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.preprocessing.normalisation import PreprocessingState, dense
from cellflow_core.data.readers import Table
from cellflow_core.data.readers.limits import memory

Array = np.ndarray
SPLICING = ("spliced", "unspliced")


def splicing(layers: Mapping[str, Any], genes: tuple[str, ...], made: PreprocessingState) -> dict[str, Array]:
    """Spliced and unspliced values [cells, genes] of the genes of the state space, {} where one is missing.

    layers  values [cells, genes] by name; genes: names of their columns. They are kept in full beside the data, so
    that nothing is lost where they are too large to be carried with every cell.
    """
    assert made.space is not None
    if not set(SPLICING) <= set(layers) or not made.space.genes:
        return {}
    column = {name: k for k, name in enumerate(genes)}
    at = [column[each] for each in made.space.genes if each in column]
    size = 2 * 4 * layers[SPLICING[0]].shape[0] * len(at)
    if len(at) < len(made.space.genes) or size > memory() / 8:
        return {}
    sums = {name: float(layers[name].sum()) for name in SPLICING}
    found = {name: np.ascontiguousarray(dense(layers[name][:, at]), dtype=np.float32) for name in SPLICING}
    whole = all((each == np.round(each)).all() and (each >= 0).all() for each in found.values())
    share = sums["unspliced"] / max(sum(sums.values()), 1e-12)
    made.steps.append(f"took spliced and unspliced {'counts' if whole else 'values'}: {share:.0%} are unspliced")
    if not whole:
        made.notes.append(
            "spliced and unspliced values are no whole counts, so they were normalised or smoothed before: models of "
            "splicing that need counts do not fit them"
        )
    if not 0.02 < share < 0.9:
        made.notes.append(f"{share:.1%} of spliced and unspliced values are unspliced, and 10 to 40 % are usual")
    return found


def velocity(table: Table, choices: ImportChoices, made: PreprocessingState) -> Array | None:
    """Velocity [cells, dim] of the imported cells, in the axes of the state; None where the file has none."""
    assert made.space is not None
    found = stored_velocity(table, choices.representation, made.space.dim)
    if found is None:
        return None
    key, values = found[0], found[1][made.kept]
    if not np.isfinite(values).all():
        made.notes.append(f"the velocity {key!r} of the file has missing values and was left out")
        return None
    made.steps.append(f"took the velocity {key!r} of the file")
    made.notes.append(f"velocities are {key!r} as it stands in the file: its unit of time need not be that of the data")
    return values


def stored_velocity(table: Table, representation: str, dim: int) -> tuple[str, Array] | None:
    """(name, values [cells, dim]) of the velocity that is stored in the very axes of the state, None where none is.

    `velocity_pca` belongs to `X_pca`; coordinates that are the whole table go with a velocity of as many columns.
    """
    for key, values in table.obsm.items():
        if "velocity" not in key.lower() or values.shape[1] < dim:
            continue
        of = re.sub(r"_?velocity_?", "", key, flags=re.I).lower()
        if representation.startswith("obsm:"):
            fits = of == representation.removeprefix("obsm:").lower().removeprefix("x_")
        else:
            beside = next((held for name, held in table.obsm.items() if name.lower().removeprefix("x_") == of), None)
            alike = beside is None or (beside.shape == table.x.shape and bool(np.allclose(beside, dense(table.x))))
            fits = representation == "coordinates" and values.shape[1] == len(table.features) and alike
        if fits:
            return key, np.asarray(values[:, :dim], dtype=np.float32)
    return None
