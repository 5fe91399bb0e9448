"""The benchmark of RNA velocity runs, and knows a right direction from a wrong one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import velocity as benchmark
import velocity_cases as cases


def test_rows_of_a_simulator(tmp_path):
    out = tmp_path / "rows.json"
    models = "steady-state,consistent-velocity"
    benchmark.main(["--data", "splicing-bifurcation", "--models", models, "--cells", "200", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == [*models.split(","), benchmark.CONSENSUS]
    mean = rows.pop()
    assert mean["cosine"] >= min(each["cosine"] for each in rows) and mean["drawn"] is mean["agreement"] is None
    for each in rows:
        assert each["cosine"] > 0.5 and each["velocity_r"] > 0.5 and each["order_rho"] > 0.9
        assert each["cbdir"] is None and 0 <= each["drawn"] <= 1 and each["peak_mb"] > 100
    assert rows[0]["agreement"] == pytest.approx(rows[1]["agreement"])


def test_cross_boundary_direction_has_the_sign_of_the_motion():
    x = np.stack([np.linspace(0, 1, 20), np.zeros(20)], axis=1)
    near = np.clip(np.arange(20)[:, None] + np.array([-2, -1, 1, 2]), 0, 19)
    group = np.where(np.arange(20) < 10, "early", "late")
    forward = np.tile([1.0, 0.0], (20, 1))
    assert benchmark.cross_boundary(forward, x, near, group, "early>late") == pytest.approx(1)
    assert benchmark.cross_boundary(-forward, x, near, group, "early>late") == pytest.approx(-1)
    with pytest.raises(SystemExit, match="do not touch"):
        benchmark.cross_boundary(forward, x, near, np.where(np.arange(20) == 0, "a", group), "a>late")


def test_a_table_has_medians_of_what_is_known():
    rows = [{"data": "a", "model": "m", "seed": k, "cosine": 0.1 * k, "cbdir": None} for k in range(3)]
    assert benchmark.shown(rows).splitlines() == ["| model | seeds | cosine |", "|---|---|---|", "| `m` | 3 | 0.1 |"]


def test_ratios_are_no_velocities(capsys):
    assert cases.rates(np.array([[0.0, 2.0], [np.inf, 1.0]])) is None
    assert "no rates of change" in capsys.readouterr().err
    rates = np.array([[-1.0, 2.0]])
    assert cases.rates(rates) is rates


def test_a_network_is_held_against_that_of_the_simulator():
    known = cases.case("six-gene-circuit", 0, 60, "")
    assert known.network is not None and known.network.shape == (6, 6)
    assert benchmark._network_auroc(0.3 * known.network, known) == 1.0
    assert benchmark._network_auroc((known.network == 0).astype(float), known) == 0.0
    assert benchmark._network_auroc(None, known) is None
    assert benchmark._network_auroc(known.network, known._replace(network=None)) is None
