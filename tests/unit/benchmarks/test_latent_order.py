"""The benchmark of orders of cells scores held-out cells of a simulator beside the first principal component."""

from __future__ import annotations

import json

import latent_order
import pytest


def test_one_row_a_model_and_seed(tmp_path):
    out = tmp_path / "rows.json"
    latent_order.main(["--data", "splicing-bifurcation", "--seeds", "0", "--steps", "20", "--out", str(out)])
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["data"], row["model"], row["cells"]) == ("splicing-bifurcation", "sctour", 1500)
    assert 0 <= row["rho"] <= 1 and row["rho_pc1"] == pytest.approx(0.994, abs=0.003)


def test_a_model_without_an_order_is_refused():
    with pytest.raises(SystemExit, match="latent time"):
        latent_order.main(["--data", "splicing-bifurcation", "--models", "dynamo", "--seeds", "0"])
