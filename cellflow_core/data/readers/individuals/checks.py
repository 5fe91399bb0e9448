"""What a table of individuals must hold to, each with the sentence that names the first line that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.readers.individuals.source import Source

Array = np.ndarray


def refuse_first(wrong: Bool[Array, " rows"], column: Any, source: Source, sentence: str) -> None:
    """Raises InvalidInputError for the first line that is wrong, if any is."""
    if wrong.any():
        raise source.refusal(int(np.flatnonzero(wrong)[0]), column, sentence)


def duplicated_rows(frame: Any, column: Any, source: Source) -> None:
    """No line is there twice."""
    refuse_first(
        frame.duplicated().to_numpy(),
        column,
        source,
        "the line is the same as one before it: leave it out, or, where two doses were given at once, add the amounts",
    )


def contiguous(names: Array, column: Any, source: Source) -> None:
    """The lines of one individual stand together."""
    begins = np.append(True, names[1:] != names[:-1])
    seen: set[str] = set()
    for row in map(int, np.flatnonzero(begins)):
        if names[row] in seen:
            raise source.refusal(
                row,
                column,
                f"individual {names[row]} appears again after others: sort the lines by individual and time, or give "
                "another individual a name of its own",
            )
        seen.add(str(names[row]))


def times(time: Float[Array, " rows"], column: Any, source: Source) -> None:
    """Every line has a time, and none is below 0."""
    refuse_first(np.isnan(time), column, source, "the time is missing: fill it, or leave the line out")
    refuse_first(
        time < 0, column, source, "the time is below 0: count it from the first line of the individual, doses included"
    )


def ascending(names: Array, time: Float[Array, " rows"], column: Any, source: Source) -> None:
    """Within an individual no time is before the one above it."""
    back = np.append(False, (names[1:] == names[:-1]) & (np.diff(time) < 0))
    refuse_first(
        back,
        column,
        source,
        "the time is before that of the line above: sort the lines by time, or mark a new occasion by EVID 3 or 4, or "
        "by a column OCC",
    )


def one_unit(
    variables: Array, units: Sequence[str], rows: Bool[Array, " rows"], column: Any, source: Source
) -> dict[str, str]:
    """The unit of each variable, "" where none is given. Raises InvalidInputError where one has two."""
    found: dict[str, str] = {}
    for row in map(int, np.flatnonzero(rows)):
        variable, here = str(variables[row]), units[row]
        if found.setdefault(variable, here) != here:
            raise source.refusal(
                row,
                column,
                f"{variable} is in {here or 'no unit'} here and in {found[variable] or 'no unit'} before: bring all "
                "values to one unit",
            )
    return found
