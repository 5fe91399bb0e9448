"""The table over data sets holds what the stored tables hold."""

import json

import overview


def stored(folder, name, rows, **trivial):
    table = {
        "data": {"file": f"{name}.csv", "cells": 1000, "dims": 5},
        "baselines": {"midpoint": 1.0, "previous": 2.0, "floor": 0.5} | trivial,
        "baselines_by_fold": [{"fold": fold, "midpoint": 1.0, "previous": 2.0, "floor": 0.5} for fold in (1, 2)],
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
    _, gains, *_ = overview.main(paths).split("\n\n")
    assert gains.splitlines()[-1] == "| `ot` | 0.50 | 0.50 | 0.20† | -0.40 | 0.20 | -0.10 to 0.35 |"
    assert gains.splitlines()[0].endswith("| median | one course left out |")


def test_each_held_out_time_has_its_baselines_and_its_nearest_model(tmp_path):
    """At time 2 the previous snapshot is nearer than both, which the means hide; seed 2 of ot lacks a time."""
    rows = [("ot", 1, 1, 0.5), ("ot", 1, 2, 3.0), ("ot", 2, 1, 0.1), ("far", 1, 1, 1.5), ("far", 1, 2, 2.5)]
    path = stored(tmp_path, "a", rows, previous=2.1)
    table = json.loads(path.read_text())
    for each, previous, midpoint, floor in zip(
        table["baselines_by_fold"], (2.0, 2.2), (0.75, 2), (0.4, 0.3), strict=True
    ):
        each |= {"previous": previous, "midpoint": midpoint, "floor": floor}
    path.write_text(json.dumps(table))
    times = overview.main([path]).split("\n\n")[2].splitlines()
    assert times[0].startswith(
        "| data | held-out time | OT midpoint | previous snapshot | sampling floor | nearest model |"
    )
    assert times[2:] == [
        "| a, 1,000 x 5 | 1 | 0.750 | 2.000 | 0.400 | `ot` | 0.500 | 2 of 2 |",
        "| a, 1,000 x 5 | 2 | 2.000 | 2.200 | 0.300 | `far` | 2.500 | 0 of 2 |",
    ]


def test_models_behind_the_previous_snapshot_and_models_whose_seeds_differ_are_named(tmp_path):
    rows = [("still", s, f, 2.1) for s in (1, 2) for f in (1, 2)]
    rows += [("even", s, f, 1 + s / 100) for s in (1, 2) for f in (1, 2)]
    rows += [("uneven", s, f, 1 + s / 10) for s in (1, 2) for f in (1, 2)]
    sentences = overview.main([stored(tmp_path, "a", rows)]).split("\n\n")[3].splitlines()
    assert sentences == [
        "Farther than the previous snapshot in the mean over times: `still` (a, 1,000 x 5).",
        "Standard deviation over seeds of 5 % of the mean or above: `uneven` (a, 1,000 x 5).",
    ]
    sentences = overview.main([stored(tmp_path, "b", [("ot", 1, 1, 1.0), ("ot", 1, 2, 1.0)])]).splitlines()
    assert all(line.endswith("above: none.") or line.endswith("over times: none.") for line in sentences[-2:])


def test_courses_that_settings_were_chosen_on_are_stored_ones():
    held = {overview._course(json.loads(path.read_text())) for path in overview.RESULTS.glob("loo_*.json")}
    assert set().union(*overview.TUNED.values()) <= held


def test_marks_are_those_of_how_the_settings_were_chosen():
    """What the page says of each: the nine courses, the comparison of both potentials, scores that were seen."""
    nine = {"emt", "guo2010_440x48", "kouno2013_thp1_960x45", "mes_pe_456x100", "mouse_hematopoiesis"}
    eb = "eb_velocity_subset2750"
    assert overview.TUNED["mmfm"] == overview.TUNED["uot-cfm"] == nine
    assert overview.TUNED["transport-spline"] == nine | {eb}
    assert overview.TUNED["jkonet-star"] == {eb, "guo2010_440x48", "kouno2013_thp1_960x45", "mes_pe_456x100"}
    assert overview.TUNED["ensemble"] == nine | {eb}  # by its members, Metric FM and multi-marginal FM among them
    assert all(eb in overview.TUNED[each] for each in ("neural-ode", "tigon", "metric-fm", "dsbm", "wlf"))


def test_what_is_stored_can_be_shown():
    assert "`ot-cfm`" in overview.main([])
