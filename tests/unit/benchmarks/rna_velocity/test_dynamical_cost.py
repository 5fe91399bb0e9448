"""The benchmark of the dynamical model: what is found of some genes stands in for all, and the stages are noted."""

from __future__ import annotations

import pickle

import dynamical_cost
import pytest
from velocity_cases import case


def test_a_row_of_its_costs(tmp_path):
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    cells = tmp_path / "cells.pickle"
    cells.write_bytes(pickle.dumps(case("300x60", 0, 0, "").data))
    found = dynamical_cost.costs(cells, fitted=2)
    assert found["fit_s"] > 0 and found["rest_s"] > 0
    assert found["peak_mb"] >= max(found["stages"].values()) > 100
    assert set(found["stages"]) == {"fits", *dynamical_cost.STAGES}
