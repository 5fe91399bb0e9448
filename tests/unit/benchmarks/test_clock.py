"""Models on the clock of intervals beside the same in measured time."""

from __future__ import annotations

import clock
import numpy as np
import pytest
import run_case

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace


def test_one_row_holds_both_clocks_and_that_of_intervals_is_the_model_as_it_is():
    rng, t = np.random.default_rng(0), np.repeat([0.0, 1.0, 9.0, 20.0], 30)
    x = (rng.normal(size=(120, 2)) + np.repeat(np.arange(4), 30)[:, None]).astype(np.float32)
    asked = run_case.Trial("i-cfm", Snapshots(x, t, AffineSpace.of_genes(("a", "b"))), 0, 9.0, "standard", 1, steps=30)
    made = clock.row(asked)
    assert made["w1"] == made["intervals"] == run_case.row(asked)["w1"]
    assert abs(made["clock"] - made["intervals"]) > 1e-3


def test_a_difference_larger_than_the_spread_over_seeds_is_bold():
    rows = [
        {"model": name, "seed": seed, "fold": 1.0, "intervals": at + 0.01 * seed, "clock": 1.0 + spread * seed}
        for name, at, spread in (("sure", 1.2, 0.0), ("unsure", 1.001, 0.03))
        for seed in (1, 2, 3)
    ]
    data = {"file": "a.h5ad", "times": [0.0, 1.0, 2.0]}
    found = clock.table({"data": data, "rows": rows, "protocol": "loo-v2", "date": "2026-12-01T00:00:00"})
    assert "| `sure` | 1.220 | 1.000 | **+0.220** ± 0.010 |" in found
    assert "| `unsure` | 1.021 | 1.060 | **-0.039** ± 0.020 |" in found
    one = clock.table({"data": data, "rows": rows[:1], "protocol": "loo-v2", "date": "2026-12-01T00:00:00"})
    assert one.endswith("| `sure` | 1.210 | 1.000 | +0.210 |")


@pytest.mark.parametrize("on_clock", [False, True])
def test_a_trial_says_which_time_networks_see(on_clock):
    t = np.repeat([0.0, 1.0, 9.0, 20.0], 8)
    data = Snapshots(np.random.default_rng(0).normal(size=(32, 2)), t, AffineSpace.of_genes(("a", "b")))
    model = run_case.trained(run_case.Trial("i-cfm", data, 0, 9.0, "standard", 1, steps=1, on_clock=on_clock))[0]
    assert model.spec.times == ((0.0, 1.0, 20.0) if on_clock else (0.0, 1.0, 2.0))
