"""The yeast bench: equations read from text, the network that they hold, and a prior network that is partly wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yeast_network

ROWS = (
    '"node","eqn"',
    '"A","input gene"',
    '"B","((1 * fAct(A, 0.5, 1.5)) * 1 - 1 * B) / 1"',
    '"C","(((1 - 1 * fAct(A, 0.4, 1.6)) * (1 * fAct(B, 0.6, 1.4))) * 1 - 1 * C) / 1"',
)
TRUTH = [[0, 0, 0], [1, 0, 0], [-1, 1, 0]]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "equations.csv").write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return tmp_path / "equations.csv"


def test_equations_hold_a_signed_network_and_lead_to_a_steady_state(path):
    equations = yeast_network.Equations.read(path)
    assert yeast_network.hill(np.array([0.0, 0.5, 1.0]), 0.5, 1.5) == pytest.approx([0, 0.5, 1])
    assert equations.genes == ("A", "B", "C") and equations.network().tolist() == TRUTH
    x = yeast_network.courses(equations, np.random.default_rng(0))
    assert x.shape == (150, 5, 3) and (x[:, 0, 0] == x[:, -1, 0]).all()
    assert np.abs(equations.rates(x[:, -1])).max() < 0.01  # after nine times the decay


def test_text_that_is_no_equation_is_refused(path):
    path.write_text("\n".join([*ROWS, '"D","open(A)"']) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no equation"):
        yeast_network.Equations.read(path).network()


def test_a_share_of_the_prior_network_is_moved():
    truth = np.diag([-1.0] * 20, -1)
    moved = yeast_network.prior_of(truth, 0.1, np.random.default_rng(0))
    assert moved.sum() == truth.sum() and ((moved != 0) & (truth == 0)).sum() == 2 and (np.diag(moved) == 0).all()
    scores = yeast_network.scores(moved, truth)
    assert scores["balanced_accuracy"] == pytest.approx((0.9 + 1 - 2 / 400) / 2) and scores["signs"] == 0.9


def test_rows_are_kept_and_shown_beside_the_published_ones(path, tmp_path, capsys):
    out = tmp_path / "rows.json"
    yeast_network.main(["--equations", str(path), "--models", "phoenix:prior=soft", "--steps", "2", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == ["prior network", "correlation", "phoenix:prior=soft"]
    assert all(len(each["auroc"]) == 3 for each in rows) and 0 <= rows[-1]["overlap"] <= 1
    capsys.readouterr()
    yeast_network.main(["--show", str(out)])
    assert "| published: phoenix | 0.05 | | 0.586 |" in capsys.readouterr().out


def test_rows_of_other_seeds_are_kept_and_shown_together(path, tmp_path, capsys):
    out = tmp_path / "rows.json"
    for seeds in ("0", "1,2", "0"):
        yeast_network.main(
            ["--equations", str(path), "--models", "phoenix", "--steps", "1", "--seeds", seeds, "--out", str(out)]
        )
    rows = [each for each in json.loads(out.read_text())["rows"] if each["model"] == "prior network"]
    assert [each["seeds"] for each in rows] == [[1, 2], [0]]
    scores = [score for each in rows for score in each["auroc"]]
    capsys.readouterr()
    yeast_network.main(["--show", str(out)])
    line = next(each for each in capsys.readouterr().out.splitlines() if each.startswith("| prior network"))
    assert line.startswith("| prior network | 0.05 | 3 |")
    assert f"{sum(scores) / 3:.3f} ({min(scores):.3f} to {max(scores):.3f})" in line
