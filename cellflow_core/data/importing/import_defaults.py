"""What a file itself proposes for its import: the choices of a user who only presses the button."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.inspection import FileSummary

WINDOWS = 6
"""Into so many windows a column of many numbers is cut."""


def default_choices(found: FileSummary, time: str = "") -> dict[str, Any]:
    """Choices by the names of ImportChoices, and "numbers": time column -> label -> its time, None to leave it out.

    Labels whose time could not be read are not among the numbers: a person gives them one or leaves their cells out.
    The unit is None where nothing gives one: a person is asked.

    time  the column that the source of the file says it is, "" where it says nothing: then the likeliest
    """
    first = next((each for each in found.candidates if each.column == time), next(iter(found.candidates), None))
    values: dict[str, Any] = {each.name: each.default for each in ImportChoices.settings()} | dict(found.proposed)
    values["label"] = found.name.rsplit(".", 1)[0][:80]
    values["representation"] = "coordinates" if found.looks == "coordinates" else "pca"
    values["time_column"], values["unit"] = (first.column, first.unit or None) if first else ("", "")
    values["windows"] = WINDOWS if first and first.kind == "continuous" and not found.followed else 0
    values["modality"] = next(iter(found.modalities)) if len(found.modalities) == 1 else ""
    values["values"] = "auto" if found.unsure or found.looks == "coordinates" else found.looks
    values["matrix"], values["orientation"] = found.read_with.matrix, found.read_with.orientation
    labelled = [each for each in (*found.candidates, *found.other_columns) if each.kind == "labels"]
    values["numbers"] = {each.column: each.proposed for each in labelled}
    return values


def parse_choices(values: Mapping[str, Any]) -> tuple[ImportChoices, dict[str, float | None]]:
    """The choices, and the number of each label of the chosen time column; a unit not chosen yet is none."""
    chosen = {name: value for name, value in values.items() if name != "numbers" and value is not None}
    return ImportChoices.from_dict(chosen), dict(values["numbers"].get(values["time_column"], {}))
