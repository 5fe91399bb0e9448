"""A table that is made in parts: what an earlier part may look like."""

from __future__ import annotations

import json

import pytest
import resumable_table

TABLE = {
    "protocol": "loo",
    "data": "eb",
    "preset": "quick",
    "machine": {"system": "there"},
    "rows": [{"seed": 1}, {"seed": 2}],
}


def test_a_folder_is_no_table(tmp_path) -> None:
    with pytest.raises(SystemExit, match="is a folder: name a file for --out"):
        resumable_table.stored(tmp_path)


def test_an_empty_file_is_a_table_not_begun(tmp_path) -> None:
    path = tmp_path / "table.json"
    path.touch()
    made = {"preset": "quick", "machine": {"system": "here"}}
    assert resumable_table.earlier(path, made, ("preset",), lambda row: False) == []
    assert resumable_table.other_machine(path, made) == {} and made["machine"] == {"system": "here"}


def test_rows_of_an_earlier_part_stay(tmp_path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE))
    made = {"preset": "quick", "machine": {"system": "here"}}
    assert resumable_table.earlier(path, made, ("preset",), lambda row: row["seed"] == 2) == [{"seed": 1}]
    assert resumable_table.other_machine(path, made) == {"machine": "here"}
    with pytest.raises(SystemExit, match="other data or preset"):
        resumable_table.earlier(path, {**TABLE, "preset": "careful"}, ("protocol", "data", "preset"), lambda row: False)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"rows": []}'])
def test_another_file_is_left_alone(tmp_path, text: str) -> None:
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match="no table"):
        resumable_table.earlier(path, {"preset": "quick"}, ("preset",), lambda row: False)
    assert path.read_text() == text
