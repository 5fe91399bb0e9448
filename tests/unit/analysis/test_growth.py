"""Growth in the views: at a time, in number, and in the fates; against processes whose growth is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import fate_map
from cellflow_core.analysis.flow import flow_field
from cellflow_core.analysis.growth import growth_at, population_size
from cellflow_core.analysis.time_course import time_course
from cellflow_core.config import Config
from cellflow_core.data.simulators.birth_death import BirthDeath
from cellflow_core.data.simulators.birth_death import Settings as Lives
from cellflow_core.models.contract import DynamicsModel, HasCoupling, HasGrowth, HasVelocity, TransportPlan

TRUTH = BirthDeath(Lives(cells_per_time=300, n_times=3, last_time=2.0))
DATA = TRUTH.simulate()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)
RATES = {"state 1": 0.5, "state 2": -0.2}


class True_(DynamicsModel, HasVelocity, HasGrowth):
    """The process itself, as if it had been learnt without error."""

    title = "The truth"
    summary = "For tests."
    paper = "none"

    def __init__(self):
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return torch.from_numpy(TRUTH.velocity(float(t[0]), x.numpy())).float()

    def growth(self, t, x, context):
        return torch.from_numpy(TRUTH.growth(float(t[0]), x.numpy())).float()


class Still(True_):
    """The same motion, without growth."""

    growth = None  # type: ignore[assignment]


class Plans(DynamicsModel, HasCoupling):
    title = "A plan"
    summary = "For tests."
    paper = "none"

    def __init__(self, grows: bool):
        super().__init__(Config(), DATA.spec)
        self.grows = grows

    def phases(self):
        return ()

    def coupling(self, k):
        t0, t1 = DATA.times[k : k + 2]
        x0, x1 = (torch.from_numpy(DATA.at(t)[:200]) for t in (t0, t1))
        weight = torch.full((200,), 1 / 200)
        later = weight * torch.exp(0.3 * (t1 - t0) * torch.ones(200)) if self.grows else None
        return TransportPlan(float(t0), float(t1), x0, x1, weight, later)


def test_growth_at_a_time_is_that_of_the_state_a_cell_is_in():
    near = DATA.t == 1.0
    found = growth_at(dynamics(True_()), DATA.x[near], 1.0)
    expected = [RATES[each] for each in np.asarray(DATA.labels["true state"])[near]]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    with pytest.raises(ValueError, match="growth"):
        growth_at(dynamics(Plans(grows=True)), DATA.x, 1.0)


def test_the_flow_tells_the_growth_of_its_cells_where_the_model_has_any():
    field = flow_field(True_(), DATA, VIEW, 1.0)
    assert field.growth is not None and field.growth.shape == (len(field.cells),)
    left = field.cells[:, 0] < 0
    np.testing.assert_allclose(field.growth[left], 0.5, atol=1e-3)
    assert any("settle how much grew in all, not where" in each for each in field.notes)
    plan = flow_field(Plans(grows=True), DATA, VIEW, 1.5)
    assert plan.growth is not None
    np.testing.assert_allclose(plan.growth, 0.3, rtol=1e-4)
    assert flow_field(Plans(grows=False), DATA, VIEW, 1.5).growth is None


@pytest.mark.parametrize("start", ["first", "previous"])
def test_the_number_of_cells_grows_as_it_truly_does(start):
    made = time_course(True_(), DATA, VIEW, start)
    assert made.mass is not None and made.measured_mass is not None
    low, number, high = made.mass.T
    assert number[0] == 1 and (low <= number).all() and (number <= high).all()
    for k, time in enumerate(DATA.times):
        assert number[made.times == time] == pytest.approx(TRUTH.mass(float(time)), rel=0.1)  # 300 cells
        assert made.measured_mass[k] == pytest.approx(TRUTH.mass(float(time)), rel=0.1)


def test_numbers_that_nobody_counted_are_told_to_be_unknown():
    alone = replace(DATA, mass=None)
    made = time_course(True_(), alone, VIEW)
    assert made.mass is not None and made.measured_mass is None
    assert any("Nobody counted these cells" in each for each in made.notes)
    carried = time_course(Plans(grows=True), alone, VIEW, "previous").mass
    assert carried is not None and carried[-1, 1] == pytest.approx(np.exp(0.6), rel=1e-3)
    assert time_course(Plans(grows=False), alone, VIEW).mass is None


def test_the_interval_of_a_number_covers_the_cells_drawn():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(40):
        rates = np.log(rng.exponential(1.0, 400))[None]
        low, _, high = population_size(rates, seed)[0]
        hits += bool(low <= 1.0 <= high)
    assert hits >= 33  # 38 of 40 are expected of 95 %


def test_fates_with_and_without_growth_stand_side_by_side():
    made = fate_map(True_(), DATA, VIEW, "true state")
    assert made.without_growth is not None
    grown = dict(zip(made.names, made.share, strict=True))
    counted = dict(zip(made.names, made.without_growth[:, 1], strict=True))
    for name, truth in TRUTH.fate_shares().items():
        assert grown[name] == pytest.approx(truth, abs=0.05)
        assert counted[name] == pytest.approx(0.5, abs=0.07)  # the founders are in even shares
    assert made.growth_effect is not None
    np.testing.assert_allclose(made.growth_effect[:, 1], made.share - made.without_growth[:, 1])
    assert (
        np.sign(made.growth_effect[:, 0]) == np.sign(made.growth_effect[:, 2])
    ).all()  # paired, so that the change is sure
    assert (made.without_growth[:, 0] <= made.without_growth[:, 1]).all() and (
        made.without_growth[:, 1] <= made.without_growth[:, 2]
    ).all()
    assert fate_map(Plans(grows=False), DATA, VIEW, "true state").without_growth is None
