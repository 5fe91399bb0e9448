"""The benchmark of drug responses: its rows, its splits, and the predictions that need no model."""

from __future__ import annotations

import json

import drug_response
import numpy as np
import pytest

NODES = ("a", "b", "drug1", "drug2")


def written(folder, x, p):
    for name, values in (("expr", x), ("pert", p)):
        np.savetxt(folder / f"{name}.csv", values, delimiter=",")
    (folder / "node_Index.csv").write_text("\n".join(NODES))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Two drugs, alone at two strengths and together; every response is the sum of the single ones."""
    strengths = [(-1, 0), (-2, 0), (0, -1), (0, -2), (-1, -1), (-2, -1), (-1, -2), (-2, -2)]
    p = np.array([(0, 0, *each) for each in strengths], float)
    x = p @ np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0.5, -0.2, 0.3, 0], [-0.1, 0.4, 0, 0.3]])
    return written(tmp_path, x, p)


def test_sums_and_straight_lines_are_right_where_responses_add_up(folder):
    known = drug_response.tables(folder)
    held = (known.p != 0).sum(axis=1) > 1
    np.testing.assert_allclose(drug_response.additive(known, ~held, held), known.x[held], atol=1e-12)
    np.testing.assert_allclose(drug_response.linear(known, ~held, held), known.x[held], atol=1e-2)
    without = ~held & (known.p[:, 3] == 0)
    assert drug_response.additive(known, without, held) is None


def test_each_question_holds_out_what_it_says(folder):
    found = [*drug_response.splits(drug_response.tables(folder), [0, 1])]
    assert [(question, seed) for question, seed, _, _ in found] == [
        ("random", 0),
        ("pairs", 0),
        ("random", 1),
        ("pairs", 1),
        ("drug", 0),
        ("drug", 0),
    ]
    assert [int(held.sum()) for *_, held in found] == [2, 4, 2, 4, 4, 4]


def test_the_program_prints_and_writes_a_row_a_prediction(folder, tmp_path, capsys):
    out = tmp_path / "rows.json"
    drug_response.main([str(folder), "--seeds", "0", "--phenotypes", "", "--steps", "2", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows[:5]] == ["cellbox", "linear", "additive", "mean", "no change"]
    assert rows[4]["r"] is None and rows[3]["rmse"] > 0
    assert "| pairs | additive | 1.000 |" in capsys.readouterr().out


def test_a_folder_without_the_tables_is_named(folder):
    (folder / "pert.csv").unlink()
    with pytest.raises(SystemExit, match=r"no pert\.csv"):
        drug_response.main([str(folder)])
    written(folder, np.zeros((3, 4)), np.zeros((2, 4)))
    with pytest.raises(SystemExit, match="names of nodes"):
        drug_response.tables(folder)
