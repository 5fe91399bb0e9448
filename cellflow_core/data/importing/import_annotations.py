"""What comes into a data set beside the states of its cells, and what must be said of it.

Each takes the table of a file and the cells being prepared (`made`), and gives arrays of the cells that are left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.importing import annotations, second_modality
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.perturbations.design import design
from cellflow_core.data.importing.value_type import ValueType
from cellflow_core.data.interpolated import interpolated
from cellflow_core.data.preprocessing.normalisation import PreprocessingState, keep_features
from cellflow_core.data.preprocessing.qc import QCMetrics
from cellflow_core.data.readers import InvalidInputError, Table
from cellflow_core.plural import counted

Array = np.ndarray


def rows(values: Array | None, made: PreprocessingState) -> Array | None:
    """What was measured in the cells that are left; None where nothing was."""
    return None if values is None else values[made.kept]


def growth(table: Table, name: str, choices: ImportChoices, made: PreprocessingState) -> Array | None:
    """The chosen column of growth. InvalidInputError where a cell has none."""
    values = annotations.growth(table, name, choices.growth_column)
    if values is None:
        return None
    made.steps.append(f"took the growth of each cell from column {choices.growth_column!r}")
    made.notes.append(f"growth is column {choices.growth_column!r} as it stands in the file, read as a rate per time")
    return values[made.kept]


def second_modality_values(table: Table, name: str, choices: ImportChoices, made: PreprocessingState) -> Array | None:
    """The chosen second modality in axes of its own.

    Raises InvalidInputError where there is none of that name, or it is not whole.
    """
    there = annotations.measurements(table)
    guides = design(table, choices).place
    left = ", ".join(repr(each) for each in table.panels if each not in (choices.modality, guides))
    if left:
        made.steps.append(f"left out {left}, measured in the same cells")
    if not choices.modality:
        return None
    if choices.modality not in there:
        raise InvalidInputError(
            f"{name} has no measurement {choices.modality!r} that could be the second modality: it has "
            f"{', '.join(there) or 'none'}"
        )
    values = there[choices.modality]
    found, words = second_modality.axes(values[np.flatnonzero(made.kept)], choices.modality)
    made.steps.append(
        f"took {choices.modality!r} ({counted(values.shape[1], 'feature')}) as the second modality, in "
        f"{found.shape[1]} axes of its own: {words}"
    )
    return found


def labels(table: Table, choices: ImportChoices, made: PreprocessingState) -> dict[str, Array]:
    """Columns of names that differ between cells, the time last; a time that is written in numbers is none of them."""
    found = annotations.label_columns(table)
    if choices.time_column in found:
        time = found.pop(choices.time_column)
        if table.obs[choices.time_column].dtype.kind not in "fiu":
            found[choices.time_column] = time
    return annotations.drop_constant_columns(found, made.kept)


def numbers(
    table: Table, measured: QCMetrics, scale: ValueType, choices: ImportChoices, made: PreprocessingState
) -> dict[str, Array]:
    """Quality numbers of cells measured in genes, then the numbers of the file, at most 40."""
    own = {} if scale.value_type == "coordinates" else measured.measures
    if scale.value_type == "log":
        own = {"genes detected": own["genes detected"]}
    taken = {*own, "" if choices.windows else choices.time_column}
    every = {**own, **{k: v for k, v in annotations.number_columns(table).items() if k not in taken}}
    held = annotations.drop_constant_columns(every, made.kept)
    if len(held) > annotations.MOST_NUMBERS:
        made.notes.append(
            f"of {len(held)} columns of numbers the first {annotations.MOST_NUMBERS} are kept with the cells"
        )
    return dict(list(held.items())[: annotations.MOST_NUMBERS])


def perturbation(table: Table, choices: ImportChoices, made: PreprocessingState) -> dict[str, Array]:
    """Perturbation design of the cells that are left: for each target 1 where it was perturbed, NaN where unknown."""
    found = design(table, choices)
    held = {target: values[made.kept] for target, values in found.targets.items()}
    held = {target: values for target, values in held.items() if (values > 0).any()}
    if held:
        named = ", ".join(map(repr, found.controls[:4])) + (" ..." if len(found.controls) > 4 else "")
        controls = f"{found.control_cells:,} control cells ({named})" if found.controls else "no control cells"
        made.steps.append(
            f"took the perturbation of each cell from {found.place!r}: {counted(len(held), 'target')}, {controls}"
        )
        made.notes += found.notes
    return held


def embeddings(table: Table, measured: Array | None, made: PreprocessingState) -> dict[str, Array]:
    """Published 2-D embeddings without a gap, and one of the axes of the second modality."""
    found = {name: points[made.kept] for name, points in annotations.embeddings(table).items()}
    own = {} if measured is None else {second_modality.VIEW: second_modality.picture(measured)}
    return {name: points for name, points in found.items() if np.isfinite(points).all()} | own


def check_values(table: Table, name: str, choices: ImportChoices) -> None:
    """Raises InvalidInputError where what was measured in followed individuals is to be taken for genes."""
    if table.followed is not None and choices.values not in ("auto", "coordinates"):
        raise InvalidInputError(
            f"{name} holds individuals followed over time, and what is measured in them is no gene: leave `values` at "
            "auto"
        )


def interpolate_individuals(table: Table, made: PreprocessingState, times: Array | None) -> None:
    """Fill what was not measured in an individual at a time; variables that no one is left with are left out.

    times  of each row of the file, None where none are known
    """
    subject = annotations.subjects(table)[0]
    observed = np.isfinite(made.x)
    if observed.all() or subject is None:
        return
    some = observed.any(axis=0)
    if not some.all():
        gone = [name for name, there in zip(made.features, some, strict=True) if not there]
        made.steps.append(f"left out {', '.join(gone)}: no measurement of it is left")
        keep_features(made, some)
    rows = np.flatnonzero(made.kept)
    at = rows.astype(float) if times is None else times[rows]
    made.x = interpolated(subject[rows], at, made.x, observed[:, some])
    filled = counted(int((~observed[:, some]).sum()), "value")
    made.steps.append(
        f"interpolated {filled} that were not measured, within each individual; models of individuals do not see them"
    )


def of_individuals(
    table: Table, times: Array | None, choices: ImportChoices, made: PreprocessingState
) -> dict[str, Any]:
    """What `Snapshots` hold of followed individuals: doses, and where not all was measured, which values were.

    times  of each row of the file, None where none are known
    """
    if table.followed is None or made.state is None:
        return {}
    columns = made.columns[: made.state.shape[1]]
    observed = np.isfinite(table.x[made.kept][:, columns])
    censored = table.followed.censored[made.kept][:, columns]
    return {
        "observed": None if observed.all() else observed,
        "censored": censored if censored.any() else None,
        "doses": _doses(table, table.followed.doses, times, choices, made),
        "treatments": table.followed.treatments,
    }


def _doses(
    table: Table, given: DoseEvents, times: Array | None, choices: ImportChoices, made: PreprocessingState
) -> DoseEvents | None:
    """Doses of the individuals that are left, in the times that were chosen: in those of the file, or in another unit
    as they are; where they are anything else, doses are left out, which a note says."""
    subject = annotations.subjects(table)[0]
    if subject is None or not len(given.time) or times is None:
        return None
    before, after = table.obs["time"].to_numpy(np.float64)[made.kept], times[made.kept]
    slope, start = np.polyfit(before, after, 1) if len(np.unique(before)) > 1 else (1.0, 0.0)
    if choices.windows or slope <= 0 or not np.allclose(start + slope * before, after, rtol=1e-4, atol=1e-6):
        made.notes.append("doses were left out: their times are those of the file, and the times of the rows are not")
        return None
    found = given.of(subject[made.kept])
    if np.allclose(before, after):
        return found
    return replace(found, time=start + slope * found.time, duration=slope * found.duration)
