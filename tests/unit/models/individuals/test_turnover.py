"""The indirect response against its closed form under a constant concentration."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.models.individuals import turnover


def none(batch: int) -> DoseTensors:
    empty = torch.zeros(batch, 0)
    return DoseTensors(empty, empty, empty, empty.long())


@pytest.mark.parametrize("factor", [0.1, 1.0, 4.0])
def test_a_constant_concentration_has_the_closed_form(factor) -> None:
    """g = a + (1 - a) exp(-k t) with a = 1 + (F - 1) C / (C50 + C), to 1e-5; it stays at 1 without the drug."""
    times, k, half = torch.tensor([[0.0, 0.7, 2.0, 9.0, 9.0]]), 0.3, 1.5
    parameters = torch.tensor([[[k, factor, half]]]).log()
    for level in (0.0, 3.0):
        held = turnover.grid(times, none(1), lambda at, level=level: torch.full((1, *at.shape), level))
        aim = 1 + (factor - 1) * level / (half + level)
        truth = aim + (1 - aim) * (-k * times).exp()
        torch.testing.assert_close(turnover.response(parameters, times, held)[0], truth, rtol=0, atol=1e-5)


def test_a_hill_coefficient_makes_the_response_steep() -> None:
    """At C = 2 C50 the effect is 2^h / (1 + 2^h) of the largest; with h = 1 it is that without one."""
    times, held = torch.tensor([[0.0, 300.0]]), turnover.Grid(torch.tensor([[0.0, 300.0]]), torch.tensor([[[3.0]]]))
    for hill in (1.0, 3.0):
        own = torch.tensor([[[0.3, 0.2, 1.5, hill]]]).log()
        found = turnover.response(own, times, held)[0, 0, 1]
        assert float(found) == pytest.approx(1 - 0.8 * 2**hill / (1 + 2**hill), abs=1e-5)
        if hill == 1:
            assert float(turnover.response(own[..., :3], times, held)[0, 0, 1]) == pytest.approx(float(found), abs=1e-6)


def test_the_first_guess_tells_inhibition_from_stimulation() -> None:
    times = torch.linspace(0, 24, 9).expand(3, -1)
    held = turnover.grid(times, none(3), lambda at: 4 * (-0.1 * at).exp())
    for factor in (0.1, 10.0):
        truth = turnover.response(torch.tensor([0.4, factor, 2.0]).log().expand(3, -1), times, held)
        found, level = turnover.first_guess(times, 50 * truth, torch.ones_like(times, dtype=torch.bool), held)
        assert (found[1] > 0) == (factor > 1) and float(level) == pytest.approx(50, rel=0.25)
