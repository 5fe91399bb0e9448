"""The benchmark of MIOFlow on geodesic axes scores what is decoded, on axes that have not seen the held-out time."""

from __future__ import annotations

import json

import geodesic_axes
import numpy as np
import pytest

from cellflow_core.data.spaces import geodesic
from cellflow_core.math.ot import wasserstein


def test_predictions_are_decoded_to_the_common_coordinates(tmp_path, capsys):
    x = np.tile(np.random.default_rng(0).normal(size=(40, 4)), (3, 1))
    t = np.repeat(np.arange(3.0), 40)
    x[:, 0] += t
    np.savez(tmp_path / "cells.npz", pcs=x, sample_labels=t)
    out = tmp_path / "rows.json"
    asked = ["--data", str(tmp_path / "cells.npz"), "--dims", "2", "--seeds", "1", "--steps", "25", "--out", str(out)]
    found = geodesic_axes.main(asked)
    assert json.loads(out.read_text()) == found
    w1 = {(row["axes"], row["model"]): row["w1"] for row in found["rows"]}
    assert {row["fold"] for row in found["rows"]} == {1} and len(w1) == 5
    assert w1["common", "ot-displacement"] == pytest.approx(0, abs=1e-6)  # all cells go the same way
    seen, names = t != 1, ("PC1", "PC2", "PC3", "PC4")
    space = geodesic.fit(x[seen], names, 2, 1, lambda _: None, steps=25).space
    scaled = (x[:, :2] - x[:, :2].mean(0)) / x[:, :2].std(0)
    read = (space.decode(space.encode(x[~seen]))[:, :2] - x[:, :2].mean(0)) / x[:, :2].std(0)
    assert w1["geodesic", "autoencoder"] == pytest.approx(wasserstein(read, scaled[~seen]), rel=1e-5)
    assert min(w1["geodesic", "mioflow"], w1["geodesic", "ot-displacement"]) > 0
    held = found | {"rows": [row | {"seed": 0} for row in found["rows"]]}
    out.write_text(json.dumps(held))
    assert geodesic_axes.main(asked)["rows"] == held["rows"] + found["rows"]
    printed = capsys.readouterr().out
    geodesic_axes.main(["--out", str(out)])
    assert printed.endswith(capsys.readouterr().out) and "| geodesic | `autoencoder` |" in printed
