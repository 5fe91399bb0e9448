"""Values, and those that are only known to be below the limit of quantification: `<0.1`, BLQ, LLOQ, CENS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.readers.individuals import checks
from cellflow_core.data.readers.individuals.source import Source, number, numbers, words

Array = np.ndarray
_BELOW = re.compile(r"<\s*(?P<limit>[\d.eE+-]+)|(?:<\s*)?(?:bl?o?q|lo?q|blloq|lloq|bld|lod|nd|not detected)", re.I)


def is_below(text: str) -> bool:
    """Does a text say that a value is below the limit of quantification?"""
    return bool(_BELOW.fullmatch(text))


def values(
    frame: Any, column: Mapping[str, Any], rows: Bool[Array, " rows"], source: Source
) -> tuple[Float[Array, " rows"], Bool[Array, " rows"]]:
    """(value, whether it is below the limit, which then is the value) of the column "value", NaN outside `rows`.

    column  role -> column: "limit" for LLOQ, "below" for BLQ (1: below), "cens" for CENS (1: below, the limit is in DV)
    Raises InvalidInputError for a word that is no number, and for a value below a limit that is not given.
    """
    limit = numbers(frame, column["limit"], source) if "limit" in column else np.full(len(frame), np.nan)
    found, below = of_texts(words(frame[column["value"]]), rows, limit, column["value"], source)
    if "cens" in column:
        cens = numbers(frame, column["cens"], source)
        checks.refuse_first(
            rows & (cens < 0),
            column["cens"],
            source,
            "the value is above a limit (CENS -1), and only values below one are read",
        )
        below |= rows & (cens == 1) & np.isfinite(found)
    if "below" in column:
        marked = rows & (numbers(frame, column["below"], source) == 1)
        found = np.where(marked & np.isfinite(limit), limit, found)
        checks.refuse_first(
            marked & ~(found > 0),
            column["below"],
            source,
            "the value is below the limit of quantification, which is not given: add it in a column LLOQ",
        )
        below |= marked
    under = rows & (found < limit)
    return np.where(under, limit, found), below | under


def of_texts(
    texts: Sequence[str], rows: Bool[Array, " rows"], limit: Float[Array, " rows"], column: Any, source: Source
) -> tuple[Float[Array, " rows"], Bool[Array, " rows"]]:
    """(value, whether it is below the limit) of fields such as "1.5", "<0.1" and "BLQ"; NaN where one is empty."""
    found = np.array([number(each) if seen else np.nan for each, seen in zip(texts, rows, strict=True)])
    below = np.zeros(len(found), bool)
    for row in map(int, np.flatnonzero(rows & np.isnan(found))):
        if not texts[row]:
            continue
        match = _BELOW.fullmatch(texts[row])
        if match is None:
            raise source.refusal(
                row,
                column,
                f"{texts[row][:30]!r} is no number: correct it, leave it empty, or write <limit where it is below the "
                "limit of quantification",
            )
        found[row] = number(match["limit"]) if match["limit"] else limit[row]
        below[row] = True
        if np.isnan(found[row]):
            raise source.refusal(
                row,
                column,
                f"{texts[row][:30]!r} without the limit: write <0.1 for a limit of 0.1, or add a column LLOQ",
            )
    checks.refuse_first(np.isinf(found), column, source, "the number is infinite: correct it")
    return found, below
