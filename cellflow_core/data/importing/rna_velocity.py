"""RNA velocity of a file, and the spliced and unspliced values it comes from: taken where they fit the state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.preprocessing.normalisation import PreprocessingState, dense
from cellflow_core.data.preprocessing.splicing_layers import COUNTED_BY, FRACTIONAL, SplicingLayers
from cellflow_core.data.readers import Table
from cellflow_core.data.readers.anndata.matrices import ROLES
from cellflow_core.data.readers.limits import memory

Array = np.ndarray
SPLICING = ("spliced", "unspliced")


def splicing(layers: Mapping[str, Any], genes: tuple[str, ...], made: PreprocessingState) -> dict[str, Array]:
    """Spliced and unspliced values [cells, genes] of the genes of the state space, {} where one is missing.

    layers  values [cells, genes] by name; genes: names of their columns. They are kept in full beside the data, so
    that nothing is lost where they are too large to be carried with every cell.
    """
    assert made.space is not None
    if not set(SPLICING) <= set(layers):
        return {}
    made.notes += _doubts(layers, genes)
    if not made.space.genes:
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
    return found


def missing_layer(table: Table) -> tuple[str, ...]:
    """A note where a file has spliced or unspliced values and not both, with the reason why the other was not kept."""
    there = [each for each in SPLICING if each in table.layers]
    if len(there) != 1:
        return ()
    (other,) = set(SPLICING) - set(there)
    why = next((f" ({each.place}: {each.reason})" for each in table.unused if _role(each.place) == other), "")
    if _role(used := table.matrices.get(table.matrix, "")) == other:
        why = f" ({used} holds them and is taken for the values: give these in X as well)"
    return (
        f"the file has {there[0]} values and no {other} ones that could be kept{why}, and RNA velocity needs both: "
        f"import a file with both, as {COUNTED_BY} count them",
    )


def _role(place: str) -> str | None:
    """What the layer at a place such as layers['Unspliced'] holds, None for another place."""
    return ROLES.get(place.removeprefix("layers['").removesuffix("']").lower())


def _doubts(layers: Mapping[str, Any], genes: tuple[str, ...]) -> tuple[str, ...]:
    """What speaks against an RNA velocity from these layers, a sentence each, as the step of moments says it."""
    try:
        both = SplicingLayers(layers["unspliced"], layers["spliced"], genes)
    except ValueError as error:
        return (f"RNA velocity cannot be estimated: {error}",)
    found = [] if both.whole else [FRACTIONAL]
    share = float(both.unspliced.sum() / (both.unspliced.sum() + both.spliced.sum()))
    if both.may_be_exchanged:
        found.append(both.may_be_exchanged)
    elif not 0.02 < share < 0.9:
        found.append(
            f"{share:.1%} of spliced and unspliced values are unspliced, and 10 to 40 % are usual: see whether both "
            "were counted with introns"
        )
    return tuple(found)


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
