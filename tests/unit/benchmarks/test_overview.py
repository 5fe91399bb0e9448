"""The table over data sets holds what the stored tables hold."""

import json

import overview


def stored(folder, name, rows, **trivial):
    table = {
        "data": {"file": f"{name}.csv", "cells": 1000, "dims": 5},
        "baselines": {"midpoint": 1.0, "previous": 2.0, "floor": 0.5} | trivial,
        "baselines_by_fold": [{"fold": 1}, {"fold": 2}],
        "rows": [{"model": m, "seed": s, "fold": f, "w1": w} for m, s, f, w in rows],
    }
    path = folder / f"loo_{name}.json"
    path.write_text(json.dumps(table))
    return path


def test_one_line_a_model_the_best_of_the_first_data_first(tmp_path):
    a = stored(tmp_path, "a", [("slow", 1, 1, 3.0), ("slow", 1, 2, 1.0), ("ot", 1, 1, 1.0), ("ot", 1, 2, 1.0)])
    rows = [("ot", 1, 1, 1.0), ("ot", 1, 2, 2.0), ("ot", 2, 1, 2.0), ("ot", 2, 2, 3.0), ("slow", 1, 1, 9.0)]
    message = overview.main([a, stored(tmp_path, "b", rows, midpoint=1.25)]).splitlines()
    assert message[0] == "| | a, 1,000 x 5 | b, 1,000 x 5 |"
    assert message[2] == "| `ot` | 1.000 | 2.000 ± 0.707 |"
    assert message[3] == "| `slow` | 2.000 |  |"  # one fold of two is no number
    assert message[4] == "| *OT midpoint* | 1.000 | 1.250 |"


def test_plans_with_all_their_partners_stand_in_brackets(tmp_path):
    path = stored(tmp_path, "a", [("ot", 1, 1, 1.0), ("ot", 1, 2, 1.0), ("old", 1, 1, 0.5), ("old", 1, 2, 0.5)])
    table = json.loads(path.read_text())
    table["baselines"]["midpoint_plan"] = 0.9
    for row in table["rows"]:
        row |= {"plan": {"w1": 0.8}, "points_per_cell": 1} if row["model"] == "ot" else {"points_per_cell": 8}
    path.write_text(json.dumps(table))
    lines = overview.main([path]).splitlines()
    assert lines[2:5] == ["| `ot` | 1.000 (0.800) |", "| `old` | (0.500) |", "| *OT midpoint* | 1.000 (0.900) |"]


def test_gains_are_between_midpoint_and_floor_and_medians_are_over_courses(tmp_path, monkeypatch):
    """b holds two tables of the course of a: gains .5, and of the two others .2 and -.4."""
    rows = lambda w1: [("ot", 1, 1, w1), ("ot", 1, 2, w1)]  # noqa: E731
    paths = [stored(tmp_path, name, rows(w1)) for name, w1 in (("a", 0.75), ("b", 0.75), ("c", 0.9), ("d", 1.2))]
    twin = json.loads(paths[1].read_text())
    paths[1].write_text(json.dumps(twin | {"data": twin["data"] | {"file": "a.csv"}}))
    monkeypatch.setattr(overview, "TUNED", {"ot": {"c"}})
    lines = overview.main(paths).splitlines()
    assert lines[-1] == "| `ot` | 0.50 | 0.50 | 0.20† | -0.40 | 0.20 | -0.10 to 0.35 |"
    assert lines[lines.index("") + 1].endswith("| median | one course left out |")


def test_courses_that_settings_were_chosen_on_are_stored_ones():
    held = {overview._course(json.loads(path.read_text())) for path in overview.RESULTS.glob("loo_*.json")}
    assert set().union(*overview.TUNED.values()) <= held


def test_what_is_stored_can_be_shown():
    assert "`ot-cfm`" in overview.main([])
