"""Couplings: what each kind promises, solved whole and in blocks."""

from __future__ import annotations

import dataclasses

import numpy as np
import ot
import pytest
import torch
from scipy.spatial.distance import cdist

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import ot_solvers, pair_sampler
from cellflow_core.models.transport.ot_problem import N_SAMPLED_PARTNERS
from cellflow_core.models.transport.ot_solvers import (
    COUPLINGS,
    Blockwise,
    Coupling,
    Entropic,
    Exact,
    FusedGromovWasserstein,
    Geodesic,
    Independent,
    OTSolver,
    Partial,
    StaticBridge,
    Unbalanced,
    WassersteinFisherRao,
    coupling,
    ot_solver,
)
from cellflow_core.models.transport.pair_sampler import Pairing, PairSampler
from cellflow_core.models.transport.transport_plans import plans

SOLVERS = [each() for each in COUPLINGS.values() if issubclass(each, OTSolver)]


def frames(cells=(40, 40, 40), times=(0.0, 1.0, 3.0), seed=0, **more) -> SnapshotTensors:
    """Gaussians that move by ten standard deviations a unit of time along both axes."""
    rng = np.random.default_rng(seed)
    t = np.repeat(times, cells)
    x = rng.normal(size=(len(t), 2)) + 10 * t[:, None]
    return SnapshotTensors.from_snapshots(Snapshots(x, t, AffineSpace.coordinates(("a", "b")), **more))


def plan(solver: OTSolver, data: SnapshotTensors) -> TransportPlan:
    return plans(solver, data, torch.Generator().manual_seed(0))[0]


def in_blocks(monkeypatch, limit: int, block: int) -> None:
    """Every solver in blocks of so many cells, above so many cells a time."""
    for each in (Coupling, Exact, Blockwise, Partial):
        monkeypatch.setattr(each, "limit", limit)
        monkeypatch.setattr(each, "block", block)


def cost(of: TransportPlan) -> float:
    return float((of.x0 - of.x1).square().sum(1) @ of.weight)


def mass_of(cells: torch.Tensor, joined: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
    """Mass of each cell in a plan."""
    same = (cells[:, None] == joined).all(2)
    return same.double() @ mass.double()


@pytest.mark.parametrize("name", COUPLINGS)
def test_every_coupling_pairs_cells_of_consecutive_times(name):
    data, generator = frames(), torch.Generator().manual_seed(0)
    pairing = Pairing(coupling(name))
    pool = pairing.prepare(data, generator)
    assert (pool is None) == (name in ("independent", "minibatch")) and pairing.notes() == ()
    drawn = pairing.sample(data.batch(16, generator, pool))
    assert drawn.x0.shape == drawn.x1.shape == (32, 2)
    assert drawn.t0.tolist() == [0.0] * 16 + [1.0] * 16
    assert drawn.t1.tolist() == [1.0] * 16 + [3.0] * 16
    for time, x in ((drawn.t0, drawn.x0), (drawn.t1, drawn.x1)):
        assert (x.mean(1) / 10 - time).abs().max() < 0.5
    assert (drawn.growth is not None) == (name in ("unbalanced", "wfr"))


def test_a_coupling_is_found_by_its_name_with_its_parameters():
    assert coupling("sinkhorn", Entropic(0.3), Partial(0.5)) == Entropic(0.3)
    assert coupling("exact", Entropic(0.3)) == Exact() and ot_solver("sinkhorn", StaticBridge(2.0)) == StaticBridge(2.0)
    with pytest.raises(ValueError, match="independent"):
        ot_solver("independent")
    with pytest.raises(ValueError, match="independent"):
        Pairing(Independent()).plans(frames(), torch.Generator())


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda each: each.name)
@pytest.mark.parametrize("limit", [1000, 40])
def test_every_plan_sums_to_one_over_measured_cells(solver, limit, monkeypatch):
    in_blocks(monkeypatch, limit, 20)
    data = frames((70, 90), (0.0, 1.0))
    found = plan(solver, data)
    assert float(found.weight.sum()) == pytest.approx(1, abs=1e-5) and (found.weight > 0).all()
    for cells, joined in zip(data.x, (found.x0, found.x1), strict=True):
        assert {tuple(each) for each in joined.tolist()} <= {tuple(each) for each in cells.tolist()}
    if solver.name != "partial":
        share = mass_of(data.x[0], found.x0, found.weight)
        torch.testing.assert_close(share, torch.full((70,), 1 / 70, dtype=torch.float64), rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    "solver",
    [Exact(), Geodesic(), Partial(), Entropic(), Unbalanced(), WassersteinFisherRao()],
    ids=lambda each: each.name,
)
def test_blocks_cost_a_little_more_than_the_whole(solver, monkeypatch):
    data = frames((300, 300), (0.0, 0.2))
    whole = cost(plan(solver, data))
    in_blocks(monkeypatch, 290, 75)
    assert 0.97 * whole < cost(plan(solver, data)) < 1.35 * whole


@pytest.mark.parametrize(("cells", "blocks"), [((250, 200), 1), ((2500, 1900), 3)])
def test_blocks_hold_a_thousand_cells_each(cells, blocks, monkeypatch):
    solved = []
    exact = ot_solvers.exact_plan
    monkeypatch.setattr(ot_solvers, "exact_plan", lambda a, b, rng: solved.append((len(a), len(b))) or exact(a, b, rng))
    data = frames(cells, (0.0, 0.2))
    found = plan(Blockwise(), data)
    assert len(solved) == blocks and max(map(max, solved)) <= Blockwise.block
    whole = cost(plan(Exact(), data))
    assert (cost(found) == pytest.approx(whole, rel=1e-6)) if blocks == 1 else whole < cost(found) < 1.1 * whole


def test_partial_leaves_out_what_is_far():
    """Against POT's own partial plan; a tenth of the cells stand far off and stay out."""
    data = frames((50, 50), (0.0, 0.1))
    data.x[1][:5] += 100.0
    found = plan(Partial(0.9), data)
    assert float(found.x1.max()) < 50
    wanted = ot.partial.partial_wasserstein2(
        ot.unif(50), ot.unif(50), cdist(*data.x, "sqeuclidean"), m=0.9, nb_dummies=5
    )
    assert cost(found) * 0.9 == pytest.approx(wanted, rel=1e-5)
    assert cost(plan(Partial(1.0), data)) == pytest.approx(cost(plan(Exact(), data)), rel=1e-5)


def test_geodesic_follows_a_curve():
    """Two arms of a horseshoe: straight, the nearest cell is on the other arm; along the cells, it is not."""
    angle = torch.linspace(0, 3.1, 120)
    curve = torch.stack([angle.cos() * 0.6, angle.sin()], dim=1)
    data = dataclasses.replace(frames((60, 60), (0.0, 1.0)), x=(curve[:60], curve[60:]))
    order = [(torch.cdist(each, curve).argmin(1)) for each in (plan(Geodesic(), data).x0, plan(Geodesic(), data).x1)]
    assert np.corrcoef(*[each.numpy() for each in order])[0, 1] > 0.9  # who is first stays first
    straight = [(torch.cdist(each, curve).argmin(1)) for each in (plan(Exact(), data).x0, plan(Exact(), data).x1)]
    assert np.corrcoef(*[each.numpy() for each in straight])[0, 1] < 0


def test_fused_follows_the_structure_where_states_say_nothing():
    """Clones of different sizes: lineage alone identifies them."""
    clone = np.tile(np.repeat([0, 1], [10, 30]), 2)
    data = frames((40, 40), (0.0, 1.0), lineage=clone)
    found = plan(FusedGromovWasserstein("lineage", 0.95), data)
    rows = [torch.cdist(each, cells).argmin(1) for each, cells in zip((found.x0, found.x1), data.x, strict=True)]
    same = data.cell_data["lineage"][0][rows[0]] == data.cell_data["lineage"][1][rows[1]]
    assert float(found.weight[same].sum()) > 0.9
    with pytest.raises(KeyError, match="'dose'"):
        plan(FusedGromovWasserstein("dose"), data)


def test_fused_without_structure_weight_is_the_exact_plan():
    data = frames((30, 30), (0.0, 0.1))
    assert cost(plan(FusedGromovWasserstein(alpha=0.0), data)) == pytest.approx(cost(plan(Exact(), data)), rel=1e-6)


def test_sinkhorn_keeps_partners_in_proportion_to_the_plan():
    data = frames((30, 400), (0.0, 0.1))
    found = plan(Entropic(0.2), data)
    squared = torch.cdist(*(each.double() for each in data.x)).square()
    dense = entropic_plan(squared, 0.2 * float(squared.mean())).matrix
    assert cost(found) == pytest.approx(float((dense * squared).sum()), rel=0.02)
    per_cell = len(found.weight) / 30
    assert per_cell >= N_SAMPLED_PARTNERS * 400 / 30  # cells of the larger side have as many on average
    share = mass_of(data.x[1], found.x1, found.weight)
    assert float((share * 400 - 1).abs().mean()) < 0.3  # sampled N_SAMPLED_PARTNERS times, a cell is off by 1 / 4 or so


def test_sigma_is_the_regularisation_of_the_static_bridge():
    """epsilon = 2 sigma^2 (t1 - t0): a plan between two points a side, against the formula."""
    data = dataclasses.replace(
        frames((2, 2), (0.0, 3.0)), x=(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [1.0]]))
    )
    found = plan(StaticBridge(0.5), data)
    crossing = float(found.weight[(found.x0 != found.x1).flatten()].sum())
    odds = np.exp(-1 / (2 * 0.25 * 3))
    assert crossing == pytest.approx(odds / (1 + odds), abs=1 / N_SAMPLED_PARTNERS)


class TestUnbalanced:
    def test_growth_is_the_mass_of_the_descendants(self):
        """Two groups of 100 and 100 cells that become 150 and 50 of the later ones, while all triple."""
        rng = np.random.default_rng(0)
        group = [np.repeat([0, 1], [100, 100]), np.repeat([0, 1], [150, 50])]
        x = np.concatenate([rng.normal(size=(200, 2)) * 0.3 + 10 * each[:, None] for each in group])
        data = Snapshots(
            x, np.repeat([0.0, 2.0], 200), AffineSpace.coordinates(("a", "b")), mass=np.array([500.0, 1500.0])
        )
        found = plan(Unbalanced(), SnapshotTensors.from_snapshots(data))
        assert found.target_mass is not None
        first = found.x0[:, 0] < 5
        assert float(found.target_mass.sum()) == pytest.approx(3, rel=1e-5)
        for mask, share in ((first, 0.75), (~first, 0.25)):
            assert float(found.target_mass[mask].sum()) == pytest.approx(3 * share, rel=1e-3)
            assert float(found.weight[mask].sum()) == pytest.approx(0.5, rel=1e-5)
        drawn = PairSampler.from_plans((found,)).sample(4000, torch.Generator().manual_seed(0))
        assert drawn.growth is not None
        for mask, factor in ((drawn.x0[:, 0] < 5, 4.5), (drawn.x0[:, 0] > 5, 1.5)):
            assert float(drawn.growth[mask].mean()) == pytest.approx(np.log(factor) / 2, rel=0.02)

    def test_with_both_marginals_relaxed_far_pairs_lose_their_mass_on_the_path(self):
        """A group stays, one dies out, one appears far off: all measured cells at both ends, few paths between."""
        rng = np.random.default_rng(0)
        x = [rng.normal(size=(100, 2)) * 0.3 + np.repeat([[0, 0], [at, 10]], 50, axis=0) for at in (10, -10)]
        where = Snapshots(np.concatenate(x), np.repeat([0.0, 1.0], 100), AffineSpace.coordinates(("a", "b")))
        found = plan(Unbalanced(rho=0.01, relax="both"), SnapshotTensors.from_snapshots(where))
        assert found.target_mass is not None
        for cells, joined, mass in ((x[0], found.x0, found.weight), (x[1], found.x1, found.target_mass)):
            share = mass_of(torch.from_numpy(cells).float(), joined, mass)
            torch.testing.assert_close(share, torch.full((100,), 0.01, dtype=torch.float64), rtol=1e-4, atol=0)
        halfway = (found.weight * found.target_mass).sqrt()
        stays = (found.x0.norm(dim=1) < 5) & (found.x1.norm(dim=1) < 5)
        assert float(halfway[stays].sum() / halfway.sum()) > 0.95
        assert float(found.weight[stays].sum()) == pytest.approx(0.5, abs=0.02)

    @pytest.mark.parametrize("relax", ["source", "both"])
    def test_growth_may_have_a_total(self, relax):
        data = dataclasses.replace(frames((40, 60), (0.0, 1.0)), mass=torch.tensor([1.0, 2.0]))
        found = plan(Unbalanced(relax=relax), data)
        assert found.target_mass is not None
        assert [float(found.weight.sum()), float(found.target_mass.sum())] == pytest.approx([1, 2], rel=1e-5)

    def test_without_numbers_of_cells_the_mass_stays(self):
        found = plan(Unbalanced(), frames((40, 60), (0.0, 1.0)))
        assert found.target_mass is not None
        assert float(found.target_mass.sum()) == pytest.approx(1, rel=1e-5)

    def test_at_a_large_penalty_it_is_the_entropic_plan(self):
        found = plan(Unbalanced(rho=1e5), frames((40, 60), (0.0, 1.0)))
        assert found.target_mass is not None
        torch.testing.assert_close(found.target_mass, found.weight, rtol=1e-2, atol=0)


def test_pairs_are_drawn_by_the_mean_of_their_masses_at_both_ends():
    x = torch.arange(3.0)[:, None]
    weight, later = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.5, 1.0, 0.0])
    pool = PairSampler.from_plans(
        (TransportPlan(0.0, 2.0, x, x, weight, later), TransportPlan(2.0, 3.0, x + 3, x, weight, weight))
    )
    drawn = pool.sample(30_000, torch.Generator().manual_seed(0))
    assert drawn.growth is not None
    counts = torch.bincount(drawn.x0.flatten().long(), minlength=6) / 30_000
    torch.testing.assert_close(counts, torch.tensor([0.4, 0.5, 0.1, 0.5, 0.25, 0.25]), atol=0.01, rtol=0)
    assert drawn.growth[drawn.x0[:, 0] == 1].unique().tolist() == pytest.approx([np.log(4) / 2])
    assert drawn.growth[drawn.x0[:, 0] == 2].unique().tolist() == [
        -pair_sampler.MAX_LOG_GROWTH / 2
    ]  # it dies, and no rate is infinite


def test_no_pair_counts_for_much_however_it_grows():
    """Masses at both ends are met, and a pair that all but dies has no more than twice its share of a loss."""
    weight, later = torch.tensor([0.5, 0.5 - 1e-9, 1e-9]), torch.tensor([1e-9, 0.5, 0.5])
    spots = torch.tensor([[0.0], [1.0], [2.0]])
    drawn = PairSampler.from_plans((TransportPlan(0.0, 2.0, spots, spots, weight, later),)).sample(
        30_000, torch.Generator().manual_seed(0)
    )
    for s, expected in ((0.0, weight), (1.0, later), (0.5, (weight * later).sqrt())):
        mass = drawn.mass(torch.full_like(drawn.t0, s))
        assert float(mass.max()) <= 2.0
        found = torch.stack([mass[drawn.x0[:, 0] == spot].sum() for spot in (0.0, 1.0, 2.0)]) / len(mass)
        torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_growth_of_a_pair_is_the_change_of_its_log_mass_in_time():
    x = torch.zeros(3, 1)
    weight, later = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.5, 1.0, 0.0])
    steady, doubled, dead = TransportPlan(1.0, 3.0, x, x, weight, later).growth.tolist()
    assert (steady, doubled) == pytest.approx((0, np.log(4) / 2))
    assert -1000 < dead < -10  # all is gone, and the rate is a number
    assert TransportPlan(1.0, 3.0, x, x, weight).growth.tolist() == [0, 0, 0]
