"""The force between two cells, and its features for pairs of cells."""

import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.networks.pairwise_interaction import PairwiseInteraction
from cellflow_core.models.paths import interacting_paths
from cellflow_core.models.transport.ot_solvers import Exact, OTSolver, Unbalanced
from cellflow_core.models.transport.pair_sampler import Pairing


def force() -> PairwiseInteraction:
    made = PairwiseInteraction(cutoff=2.0, knots=4)
    made.coefficients.copy_(torch.tensor([3.0, 1.0, -1.0, -0.5]))
    return made


def cells(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_is_linear_between_its_knots_and_ends_at_its_reach():
    at = torch.tensor([0.0, 0.25, 0.5, 1.25, 1.5, 1.75, 2.0, 2.1, 50.0])
    expected = torch.tensor([3.0, 2.0, 1.0, -0.75, -0.5, -0.25, 0.0, 0.0, 0.0])
    torch.testing.assert_close(force().rate(at), expected)


def test_is_the_mean_over_the_cloud_by_mass():
    made, x, cloud = force(), cells(7, 3), cells(5, 3) + 0.3
    weight = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0])
    separation = x[:, None] - cloud
    expected = ((made.rate(separation.norm(dim=2)) * weight)[..., None] * separation).sum(1)
    torch.testing.assert_close(made(x, cloud, weight), expected)
    torch.testing.assert_close(made(x[None], cloud[None], weight[None])[0], expected)


def test_each_force_has_its_counterforce():
    x, weight = cells(40, 2), torch.rand(40, generator=torch.Generator().manual_seed(1)).softmax(0)
    assert (weight @ force()(x, x, weight)).abs().max() < 1e-6


def test_blocks_of_cells_give_the_same(monkeypatch):
    made, x = force(), cells(30, 2)
    weight = torch.full((30,), 1 / 30)
    whole = made(x, x, weight)
    monkeypatch.setattr("cellflow_core.models.networks.pairwise_interaction.BLOCK", 100)
    torch.testing.assert_close(made(x, x, weight), whole)


def test_features_add_up_to_the_force_and_know_its_divergence():
    made, x = force(), cells(2, 6, 3).double()
    made.coefficients = made.coefficients.double()
    weight = torch.rand(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parts, divergence = made.features(x, weight)
    torch.testing.assert_close(parts @ made.coefficients, made(x, x, weight))
    for cell in range(6):
        others = torch.arange(6) != cell
        for group in range(2):
            here = x[group, cell].clone().requires_grad_()
            jacobian = torch.autograd.functional.jacobian(
                lambda y, g=group, o=others: made(y[None], x[g, o], weight[g, o])[0], here
            )
            assert float(divergence[group, cell] @ made.coefficients) == pytest.approx(
                float(jacobian.trace()), abs=1e-9
            )


SPEC = DataSpec(dim=2, times=(1.0, 3.0), center=(0.0, 0.0), scale=1.0, interval=2.0)


def made_paths(interaction, solver: OTSolver = Exact()):  # noqa: B008
    both = cells(80, 2)
    frames = SnapshotTensors((both[:40], both[40:] + 5.0), torch.tensor([1.0, 3.0]), SPEC)
    return frames, interacting_paths.interacting_paths(
        Pairing(solver), frames, interaction, torch.Generator().manual_seed(0)
    )[0]


def drawn_together(x, cloud, weight):
    return 0.5 * (weight @ cloud - x)


def test_ways_are_straight_where_cells_do_not_feel_each_other():
    frames, paths = made_paths(None)
    at = paths.sample(4, 50, torch.Generator().manual_seed(1))
    begin, end = frames.x[0][paths.source], paths.target
    straight = torch.cat([begin, (end - begin) / 2], dim=1)
    found = torch.cat([at.x - at.s[:, None, None] * 2 * at.velocity, at.velocity], dim=2).flatten(0, 1)
    separation = torch.cdist(found, straight, compute_mode="donot_use_mm_for_euclid_dist")
    assert separation.min(dim=1).values.max() < 1e-5
    torch.testing.assert_close(at.t, 1 + 2 * at.s)
    assert (at.growth == 0).all() and (at.mass == 1).all()
    torch.testing.assert_close(at.share.sum(1), torch.ones(4))


def test_ways_lead_from_cells_to_their_partners_along_what_they_feel():
    """Midpoint steps of exp(-t / 2): the carried cells to 5e-3; the motion is the slope of the way."""
    frames, paths = made_paths(drawn_together)
    mean = frames.x[0].mean(0)
    expected = mean + (frames.x[0] - mean) * torch.exp(torch.tensor(-1.0))
    torch.testing.assert_close(paths.carried[-1], expected, atol=5e-3, rtol=0)
    torch.testing.assert_close(paths.carried[0], frames.x[0])
    assert set(paths.source.tolist()) == set(range(40))

    every = torch.arange(len(paths.source))[None]
    early, late, first, last = (paths.at(torch.tensor([s]), every) for s in (0.30, 0.31, 0.0, 1.0))
    torch.testing.assert_close((late.x - early.x) / 0.02, early.velocity, atol=2e-4, rtol=0)
    torch.testing.assert_close(first.x[0], frames.x[0][paths.source])
    torch.testing.assert_close(last.x[0], paths.target, atol=1e-5, rtol=1e-5)


def test_pairs_of_unbalanced_plans_grow_and_are_drawn_by_their_mass():
    frames, paths = made_paths(drawn_together, Unbalanced(0.5, 0.1))
    at = paths.at(torch.tensor([0.0, 0.5, 1.0]), torch.arange(len(paths.source)).expand(3, -1))
    late, early = torch.exp(torch.tensor([[2.0], [0.0]]) * paths.growth)  # masses at both ends, over two units of time
    torch.testing.assert_close(at.mass, torch.stack([early, (early * late).sqrt(), late]) / ((early + late) / 2))
    drawn = torch.cat([paths.cdf[:1], paths.cdf.diff()])
    late = (drawn * at.mass[2]).float()  # proportional to the mass at t1, which meets the later cells
    found = late @ paths.target / late.sum()
    assert (found - frames.x[1].mean(0)).abs().max() < 0.1 and paths.growth.std() > 0.05
