"""Lines that stand for several doses, as single ones: ADDL and II, steady state, and infusions by rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.readers.individuals.checks import refuse_first
from cellflow_core.data.readers.individuals.records import GIVEN
from cellflow_core.data.readers.individuals.source import Source
from cellflow_core.data.readers.table import InvalidInputError

Array = np.ndarray
FIELDS = ("amount", "rate", "duration", "addl", "ii", "ss")
STEADY = 20
"""Doses before one at steady state: after so many, each interval a fifth of a half-life or more, less than 7 % lack."""
MOST = 1_000_000


def expanded(given: Any, column: Mapping[str, Any], source: Source) -> tuple[Any, tuple[str, ...]]:
    """(doses one by one, sentences) of the lines of doses.

    given   pandas.DataFrame with subject, time, treatment and FIELDS (0 or NaN: none), its index the line in the table
    column  role -> column of the table, to name what is wrong
    Raises InvalidInputError where ADDL or SS come without II, or a dose has two durations.
    """
    import pandas as pd

    rows = given.index.to_numpy()
    value = {name: np.nan_to_num(given[name].to_numpy(np.float64)) for name in FIELDS}
    _check(value, rows, column, source)
    earlier = np.where(value["ss"] > 0, STEADY, 0)
    count = 1 + earlier + value["addl"]
    if count.sum() > MOST:
        raise InvalidInputError(
            f"{source.name} stands for {count.sum():,.0f} doses, and at most {MOST:,} are read: check ADDL"
        )
    count = count.astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_rate = np.where(value["rate"] > 0, value["amount"] / value["rate"], 0.0)
    duration = np.where(value["duration"] > 0, value["duration"], by_rate)
    at = np.repeat(np.arange(len(rows)), count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count) - earlier[at]
    doses = pd.DataFrame(
        {
            "subject": given["subject"].to_numpy()[at],
            "time": given["time"].to_numpy()[at] + number * value["ii"][at],
            "amount": value["amount"][at],
            "duration": duration[at],
            "treatment": given["treatment"].to_numpy()[at],
        }
    )[list(GIVEN)]
    before = (number < 0) & (value["ss"] == 1)[at]
    doses = doses[~(before & (doses["time"] <= _last(given, doses[number >= 0])[at] + value["ii"][at] / 2))]
    return doses, tuple(_sentences(value, earlier))


def _last(given: Any, doses: Any) -> Float[Array, " lines"]:
    """When a dose of the same kind that is in the table was given last before each line, NaN where none was: doses at
    steady state (SS 1) stand for those that are not in the table."""
    import pandas as pd

    keys = ["subject", "treatment"]
    listed = doses[[*keys, "time"]].assign(last=doses["time"]).sort_values("time", kind="stable")
    lines = given[[*keys, "time"]].assign(line=np.arange(len(given))).sort_values("time", kind="stable")
    found = pd.merge_asof(lines, listed, on="time", by=keys, allow_exact_matches=False)
    return found.sort_values("line")["last"].to_numpy(np.float64)


def _check(value: Mapping[str, Any], rows: Any, column: Mapping[str, Any], source: Source) -> None:
    """Raises InvalidInputError for the first dose that contradicts itself. rows: the line of each dose."""

    def check(wrong: Any, role: str, sentence: str) -> None:
        marked = np.zeros(int(rows.max()) + 1, bool)
        marked[rows[wrong]] = True
        refuse_first(marked, column.get(role, role.upper()), source, sentence)

    check(
        (value["addl"] > 0) & (value["ii"] <= 0),
        "addl",
        "ADDL says more doses, and II, the interval between them, is missing",
    )
    check(
        (value["ss"] > 0) & (value["ii"] <= 0),
        "ss",
        "SS says steady state, and II, the interval between doses, is missing",
    )
    check(
        (value["addl"] < 0) | (value["addl"] % 1 != 0),
        "addl",
        "the number of further doses is a whole number, 0 or more",
    )
    check((value["duration"] < 0), "duration", "the duration of an infusion is below 0")
    check(
        (value["rate"] > 0)
        & (value["duration"] > 0)
        & ~np.isclose(value["rate"] * value["duration"], value["amount"], rtol=0.01),
        "duration",
        "the infusion has a rate and a duration: give one of them",
    )


def _sentences(value: Mapping[str, Any], earlier: Any) -> list[str]:
    notes: list[str] = []
    if more := int(value["addl"].sum()):
        notes.append(f"{more:,} further doses that ADDL and II stand for are doses of their own here")
    if steady := int((earlier > 0).sum()):
        notes.append(
            f"{steady:,} doses at steady state (SS) have {STEADY} doses at the same interval before them, or as many "
            "as fit after the last one of the table, which stand for all earlier ones"
        )
    if modelled := int((value["rate"] < 0).sum()):
        notes.append(
            f"the rate of {modelled:,} doses is a parameter of a model (RATE below 0) and no number: they are read as "
            "given all at once"
        )
    return notes
