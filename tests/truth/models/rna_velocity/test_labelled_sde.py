"""The stochastic equation of labelled cells where the shares of two fates are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import labelled_fates
import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.data.batch import as_tensors
from cellflow_core.models import registry
from cellflow_core.models.rna_velocity.labelled import nearest
from cellflow_core.models.rna_velocity.labelled_sde import JUMPS, LabelledSDE, RandomPaths, both_directions, transitions

pytestmark = pytest.mark.truth


@cache
def estimates() -> dict[str, dict[str, float]]:
    return {each["estimate"]: each for each in labelled_fates.rows(seed=10, share=0.5, cells=800, steps=1400)}


def error(estimate: str) -> float:
    found = estimates()[estimate]
    return abs(found["fate_a"] - found["true"])


def test_cells_of_the_trunk_reach_both_branches_in_their_shares():
    """To 0.1 on one draw; without noise, most take one of them."""
    assert error("walks") < 0.1 and error("labelled-sde") < 0.1 < 0.3 < error("labelled")


def test_cells_of_a_branch_keep_it():
    assert estimates()["labelled-sde"]["own"] > 0.95 and estimates()["walks"]["own"] > 0.95


def test_velocities_are_those_of_the_field():
    assert estimates()["labelled-sde"]["cosine"] > 0.9


def test_steps_go_where_the_velocity_points_and_take_their_time():
    """In closed form: of a cell between two, with steps of 1 and -1 and a velocity of 2."""
    s, v = torch.tensor([[0.0], [1.0], [-1.0]]), torch.full((3, 1), 2.0)
    start, to = both_directions(torch.tensor([[1, 2], [0, 2], [0, 1]]))
    assert start.tolist() == [0, 0, 1, 1, 2, 2] and to.tolist() == [1, 2, 0, 2, 0, 1]
    probability, time = transitions(s, v, start, to, width=0.5)
    ahead = 1 / (1 + np.exp(-4))
    assert probability[:2].tolist() == pytest.approx([ahead, 1 - ahead])
    assert float(time[0]) == pytest.approx((2 * ahead - 1) / 2)


def test_a_step_may_lead_back_to_a_cell_that_names_it():
    assert both_directions(torch.tensor([[1], [2], [1]]))[0].tolist() == [0, 1, 1, 2]


def test_one_cell_alone_stays():
    """As where a validation part is of one cell."""
    start, to = both_directions(nearest(torch.ones(1, 3), ("A", "B", "C"), 5))
    assert start.tolist() == to.tolist() == [0]
    probability, _ = transitions(torch.ones(1, 3), torch.ones(1, 3), start, to)
    assert probability.tolist() == [1.0]


def test_walks_are_asked_at_equal_times():
    """Along a line, whose cells take 1 and 3 in turn: after 2, 4, 6 ... one is halfway through the longer ones."""
    n = 4 * JUMPS
    z, to = torch.arange(n, dtype=torch.float32)[:, None], torch.arange(1, n + 1).clamp_max(n - 1)
    time, cdf = torch.tensor([1.0, 3.0]).repeat(n // 2), torch.arange(1, n + 1, dtype=torch.double)
    paths = RandomPaths(z, to, cdf, torch.arange(n), time, 2.0, (0,))
    found = paths.states(torch.zeros(3, dtype=torch.long), torch.Generator().manual_seed(0))[..., 0]
    exact = np.interp(2.0 * np.arange(1, JUMPS + 1), np.concatenate([[0.0], time.cumsum(0)]), np.arange(n + 1))
    np.testing.assert_allclose(found, np.repeat(exact[:, None], 3, axis=1), atol=1e-5)


def test_steps_of_walks_have_their_probabilities():
    paths = RandomPaths(
        torch.zeros(2, 1),
        torch.tensor([0, 1, 0]),
        torch.tensor([0.2, 1.0, 2.0], dtype=torch.double),
        torch.tensor([1, 2]),
        torch.ones(2),
        1.0,
        (0,),
    )
    rng = torch.Generator().manual_seed(0)
    assert float(paths.step(torch.zeros(20_000, dtype=torch.long), rng).float().mean()) == pytest.approx(0.8, abs=0.01)
    assert not paths.step(torch.ones(100, dtype=torch.long), rng).any()


def test_noise_is_that_of_the_setting():
    """Without field and correction, the latent state after a mean pulse has the variance (sigma spread)^2."""
    data = labelled_fates.branching(0, cells=100).data
    model = registry.create("labelled-sde", {"noise": 0.5}, data.spec, seed=0)
    assert isinstance(model, LabelledSDE)
    model.spread.fill_(2.0)
    for each in model.field.parameters():
        torch.nn.init.zeros_(each)
    z, rng = torch.zeros(4000, model.config.latent), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(10):
            z = model.moved(z, 0.1, rng)
    assert float(z.std()) == pytest.approx(1.0, rel=0.02)


def test_it_follows_its_equation_and_shows_its_field():
    data = labelled_fates.branching(0, cells=100).data
    moving = dynamics(registry.create("labelled-sde", {}, data.spec, seed=0))
    assert moving.kind == "sampler" and moving.tracks_cells and moving.has_field


def test_the_stochastic_equation_begins_as_the_field():
    data = labelled_fates.branching(0, cells=100).data
    model = registry.create("labelled-sde", {}, data.spec, seed=0)
    assert isinstance(model, LabelledSDE)
    z = model.latent(as_tensors(data, model.device, model.spec).x[0])
    assert not model.correction(z).any()
