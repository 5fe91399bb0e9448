"""Stochastic paths with equal steps and with steps of random lengths."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.models.paths.euler_maruyama import euler_maruyama


@pytest.mark.parametrize("uneven", [False, True])
def test_steps_lead_from_start_to_end_with_all_of_the_noise(uneven):
    """Of dx = 2 dt + 0.5 dW from 1 to 4: mean 6 and variance 0.75, whichever lengths the steps have."""
    cells, rng = 4000, torch.Generator().manual_seed(0)
    t0, t1 = torch.full((cells,), 1.0), torch.full((cells,), 4.0)
    path = euler_maruyama(
        lambda t, x: torch.full_like(x, 2.0),
        lambda t: torch.full_like(t, 0.5),
        torch.zeros(cells, 1),
        t0,
        t1,
        7,
        rng,
        uneven=uneven,
    )
    lengths = path.t[:, 0].diff()
    assert path.t[0, 0] == 1 and path.t[-1, 0] == 4 and len(lengths) == 7
    assert (lengths > 0).all() and (lengths < 2 * 3 / 7).all()
    assert bool((lengths - 3 / 7).abs().max() < 1e-5) is not uneven
    assert float(path.x[-1].mean()) == pytest.approx(6.0, abs=0.05)
    assert float(path.x[-1].var()) == pytest.approx(0.75, rel=0.08)


def test_lengths_are_drawn_anew_in_each_call():
    rng, one = torch.Generator().manual_seed(0), torch.ones(1)
    found = [
        euler_maruyama(lambda t, x: x, torch.zeros_like, torch.ones(1, 1), 0 * one, one, 4, rng, uneven=True).t[:, 0]
        for _ in range(2)
    ]
    assert not torch.equal(*found)
