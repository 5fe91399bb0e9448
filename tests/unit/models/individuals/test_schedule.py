"""Pieces between events, integrated for individuals whose grids and doses are unlike."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.models.individuals.compartments import concentration
from cellflow_core.models.individuals.schedule import integrate, schedule

T = torch.tensor([[0.0, 1.0, 2.5, 8.0], [0.5, 0.5, 6.0, 6.0]])


def doses(duration: float) -> DoseTensors:
    return DoseTensors(
        torch.tensor([[0.0, 4.0], [1.0, 1.0]]),
        torch.tensor([[10.0, 5.0], [8.0, 0.0]]),
        torch.tensor([[0.0, duration], [duration, 0.0]]),
        torch.tensor([[0, 1], [0, 0]]),
    )


def test_events_are_the_times_and_doses_of_each_individual():
    plan = schedule(T, doses(2.0), treatments=2)
    assert plan.time.tolist() == [[0.0, 1.0, 2.5, 4.0, 6.0, 8.0], [0.5, 1.0, 3.0, 6.0, 6.0, 6.0]]
    assert plan.amount[0, :, 0].tolist() == [10.0, 0, 0, 0, 0] and not plan.amount[1].any()
    assert plan.rate[0, :, 1].tolist() == [0, 0, 0, 2.5, 0] and plan.rate[1, :, 0].tolist() == [0, 4.0, 0, 0, 0]
    assert torch.equal(plan.time.gather(1, plan.asked), T)
    assert schedule(T, doses(2.0)).rate[..., 0].tolist() == plan.rate.sum(dim=2).tolist()
    assert torch.equal(plan.repeat(3).time[2:4], plan.time)


@pytest.mark.parametrize("duration", [0.0, 2.0])
@pytest.mark.parametrize("swallowed", [False, True])
def test_two_compartments_are_those_of_the_closed_form(duration, swallowed):
    """Within 1e-3 of the largest concentration, with steps of 0.25 h; infusions go past absorption."""
    logs = torch.tensor([[0.3, 2.0, 0.8, 0.5, 3.0], [1.0, 3.0, 1.5, 0.9, 7.0]]).log()
    clearance, volume, ka, exchange, second = (each[:, None] for each in logs.exp().unbind(dim=1))
    exact = concentration(logs, T, doses(duration), swallowed)

    def field(t, z, rate):
        gut, central, other = z.split(1, dim=1)
        flow = exchange * (central / volume - other / second)
        return torch.cat([-ka * gut, ka * gut - clearance / volume * central - flow + rate, flow], dim=1)

    place = torch.tensor([1.0, 0, 0]) if swallowed else torch.tensor([0, 1.0, 0])
    found = integrate(field, torch.zeros(2, 3), schedule(T, doses(duration)), 0.25, lambda z, a: z + a * place)
    torch.testing.assert_close(found[..., 1] / volume, exact, rtol=0, atol=1e-3 * float(exact.max()))


def test_rates_that_are_alike_and_pairs_that_are_not_asked_for():
    logs = torch.tensor([[0.5, 2.0, 0.25]]).log().expand(2, 3)
    near = concentration(logs + torch.tensor([0, 0, 1e-3]), T, doses(0.0), True)
    exact = concentration(logs, T, doses(0.0), True)
    torch.testing.assert_close(exact, near, rtol=2e-3, atol=1e-4)
    wanted = torch.tensor([[True, False, True, True], [False] * 4])
    part = concentration(logs, T, doses(0.0), True, wanted=wanted)
    assert torch.equal(part, torch.where(wanted, exact, 0))
    late = concentration(logs, T + 1.0, doses(0.0), True, lag=torch.ones(2))
    torch.testing.assert_close(late[0, 1:3], exact[0, 1:3])
    infused = concentration(logs, T, doses(2.0), True, lag=torch.ones(2))
    torch.testing.assert_close(infused[1], concentration(logs, T, doses(2.0), True)[1])  # no lag of an infusion
