"""The benchmark of networks has one row a draw for each model and both correlations."""

from __future__ import annotations

import json

import networks
import pytest


def test_one_row_a_model_and_draw(tmp_path):
    out = tmp_path / "rows.json"
    networks.main(["--draws", "1", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == ["correlation", "correlation with the velocity", "rna-ode"]
    assert rows[0]["auroc"] == pytest.approx(0.67, abs=0.01)


def test_a_model_without_a_network_is_refused():
    with pytest.raises(SystemExit, match="no network"):
        networks.main(["--draws", "1", "--models", "dynamo"])
