"""RNA velocity of a file: found where it is stored in the axes of the state, and taken with the cells."""

from __future__ import annotations

import re

import numpy as np

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.preprocessing.normalisation import PreprocessingState, dense
from cellflow_core.data.readers import Table

Array = np.ndarray


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
