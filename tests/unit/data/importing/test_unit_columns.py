"""The unit of times that a column beside theirs gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cellflow_core.data.importing.time_columns import labelled
from cellflow_core.data.importing.unit_columns import is_unit_column, units_of
from cellflow_core.data.readers import Table


@pytest.mark.parametrize(
    ("columns", "column", "units"),
    [
        ({"age": 3, "age_unit": "weeks"}, "age", ("week",)),
        ({"organism.age.value": 3, "organism.age.unit.text": "year"}, "organism.age.value", ("year",)),
        ({"timePoint": 3, "timePointUnits": "hrs"}, "timePoint", ("hour",)),
        ({"timepoint": 3, "time_unit": "dpf"}, "timepoint", ("day",)),
        ({"t": 3, "unit_of_time": "PCW"}, "t", ("week",)),
        ({"timepoint": 3, "time": 4, "time_unit": "h"}, "timepoint", ()),
        ({"timepoint": 3, "age_unit": "year"}, "timepoint", ()),
        ({"age": 3, "age_unit": "m"}, "age", ()),
        ({"age": 3, "age_unit": "unknown"}, "age", ()),
        ({"age": 3, "dose_unit": "day"}, "age", ()),
        ({"dose": 3, "dose_unit": "day"}, "dose", ("day",)),
        ({"age": 3, "age_unit": ["day", "week"]}, "age", ("day", "week")),
        ({"age": 3, "age_unit": ["day", None]}, "age", ("day",)),
    ],
)
def test_units_of_a_column(columns: dict[str, object], column: str, units: tuple[str, ...]) -> None:
    assert units_of(pd.DataFrame(columns, index=range(2)), column) == units


def test_numbers_in_several_units_are_left_open() -> None:
    obs = pd.DataFrame({"age": [1, 2, 3, 4], "age_unit": ["day", "day", "week", "week"]})
    found = labelled(Table("AnnData", np.ones((4, 2)), ("a", "b"), obs), "age")
    assert set(found.open) == {"1", "2", "3", "4"} and "day, week" in found.reasons["1"]


def test_a_column_of_units_is_no_time() -> None:
    assert is_unit_column("age_unit") and not is_unit_column("age") and not is_unit_column("community")
