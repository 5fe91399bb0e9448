"""Our veloVI has the velocities of scvi-tools' VELOVI, whose answer to the same cells is stored."""

from __future__ import annotations

import numpy as np
import pytest
import reference_velocity as benchmark

from tests import ROOT

STORED = ROOT / "tests" / "stored" / "velovi_splicing.npz"
"""From `reference_velocity.py --oracle`: scvi-tools 1.4.2, 500 epochs."""
WITHIN = 0.05
"""Of Pearson's r."""


def stored() -> dict[str, np.ndarray]:
    return {**np.load(STORED), "seconds": np.array(0.0)}


def test_as_many_epochs_give_the_correlation_with_the_truth_that_theirs_have():
    theirs, known = stored(), benchmark.simulated(0)
    np.testing.assert_allclose(known.data.spliced[0], theirs["spliced"], rtol=1e-4)  # the cells that it was given
    row = benchmark.compared(known, benchmark.ours(known.data, 0), theirs)
    ours, other = row["r"]
    assert other > 0.9 and abs(ours - other) < WITHIN
    assert row["velocity"] > 0.9 and row["latent_time"] > 0.8 and min(row["rho"]) > 0.85


def test_equal_answers_agree_and_turned_ones_do_not():
    known, theirs = benchmark.simulated(0, 60), stored()
    some = {key: each[:60] if each.ndim == 2 else each for key, each in theirs.items()}
    row = benchmark.compared(known, some, some)
    assert [row[each] for each in ("velocity", "latent_time", "gene_time")] == pytest.approx([1, 1, 1])
    assert row["r"][0] == row["r"][1] and row["rho"][0] == row["rho"][1]
    turned = {**some, "velocity": -some["velocity"].astype(float), "times": 20 - some["times"].astype(float)}
    back = benchmark.compared(known, some, turned)
    assert [back["velocity"], back["latent_time"]] == pytest.approx([-1, -1], abs=1e-3)  # stored in half precision


def test_scaled_rna_is_from_0_to_1():
    found = benchmark.scaled(np.array([[1.0, 3.0], [2.0, 3.0], [5.0, 3.0]]))
    assert found[:, 0].tolist() == [0.0, 0.25, 1.0] and found[:, 1].tolist() == [0.0, 0.0, 0.0]
