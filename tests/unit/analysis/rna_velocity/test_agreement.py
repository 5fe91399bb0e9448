"""Agreement of estimators of RNA velocity: where cells change, where nothing does, and against measured times."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.stats import spearmanr

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.analysis.rna_velocity.agreement import agreement, forward_share
from cellflow_core.analysis.rna_velocity.by_group import group_velocities
from cellflow_core.analysis.rna_velocity.cell_order import cell_order
from cellflow_core.analysis.rna_velocity.drawn_arrows import draw_above
from cellflow_core.analysis.rna_velocity.estimates import estimates, quick_estimators
from cellflow_core.analysis.rna_velocity.phase_portrait import course_r2, phase_portrait
from cellflow_core.analysis.rna_velocity.uncertainty import velocity_dispersion
from cellflow_core.data.preprocessing.count_halves import halves_agreement
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.moments import CHANCE, HALVES
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models import registry
from cellflow_core.models.rna_velocity.steady_state import SteadyState
from cellflow_core.reporting.rna_velocity.summaries import of_groups, of_order, of_velocity
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated import moments


def view(data: Snapshots) -> Embedding:
    x = data.x - data.x.mean(axis=0)
    return Embedding("pca", ("PC1", "PC2"), x @ np.linalg.svd(x, full_matrices=False)[2][:2].T, data.x)


def model(data: Snapshots, name: str = "steady-state"):
    made = registry.create(name, {}, data.spec, seed=0)
    fit(made, data, TrainConfig.preset("standard", type(made)), seed=0)
    return made


def with_halves(name: str, **settings) -> Snapshots:
    data, *_ = moments(name, 400, **settings)
    process = create(name, {"cells_per_time": 400, "seed": 0, **settings})
    held = process.layers()
    layers = SplicingLayers(held["unspliced"], held["spliced"], process.axes)
    found = halves_agreement(layers, data.space.genes, 30, 30)
    return dataclasses.replace(data, covariates={HALVES: found.cosine, CHANCE: found.chance})


@cache
def changing() -> tuple[Snapshots, VelocityAgreement]:
    data = with_halves("splicing-bifurcation")
    return data, agreement(model(data), data, view(data))


def test_arrows_are_drawn_where_cells_change_and_nowhere_else():
    _, found = changing()
    assert found.estimators[0] == "Steady-state RNA velocity" and len(found.estimators) == 3
    assert found.pairwise.shape == (3, 3) and (found.pairwise > 0.8).all()
    assert found.drawn.mean() > 0.5 and np.isfinite(found.u).any()
    still = with_halves("unchanging-population", groups=3)
    none = agreement(model(still), still, view(still))
    assert none.drawn.mean() <= 0.05 and np.isnan(none.u).all()


def test_a_higher_threshold_draws_fewer_arrows():
    data, found = changing()
    fewer = agreement(model(data), data, view(data), least=0.99)
    assert fewer.drawn.sum() < found.drawn.sum()
    none = agreement(model(data), data, view(data), least=1.01)
    assert not none.drawn.any() and np.isnan(none.u).all()


def test_the_order_along_the_arrows_is_the_latent_time():
    _, found = changing()
    latent = moments("splicing-bifurcation", 400)[2]
    assert spearmanr(found.order, latent).statistic > 0.95
    assert found.order.min() == 0 and found.order.max() == 1 and found.order_explained > 0.8


def test_arrows_in_a_circle_have_no_order():
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    round_trip = velocity_graph(x, np.stack([-x[:, 1], x[:, 0]], axis=1), nearest_others(x, 10))
    assert cell_order(round_trip)[1] < 0.05
    line = np.stack([angle, 0 * angle], axis=1)
    order, explained = cell_order(velocity_graph(line, np.tile([1.0, 0.0], (300, 1)), nearest_others(line, 10)))
    assert (np.diff(order) > 0).all() and explained > 0.7


@pytest.mark.parametrize(("sign", "forward"), [(1, True), (-1, False)])
def test_arrows_are_held_against_measured_times(sign: int, forward: bool):
    data, _, latent = moments("splicing-bifurcation", 400)
    timed = dataclasses.replace(data, t=np.round(sign * latent / 3.0) + 10, time_unit="hour")
    found = agreement(model(timed), timed, view(timed))
    assert (found.forward > 0.8) == forward and found.forward_chance[0] < 0.6
    assert np.sign(found.time_rho) == sign and found.halves is None
    alone = agreement(model(data), data, view(data))
    assert np.isnan(alone.forward) and np.isnan(alone.time_rho)


def test_times_that_no_neighbors_share_are_named():
    _, found = changing()
    assert "measured time" not in of_velocity(found).why
    rho = np.full((len(found.orders) + 1,) * 2, 0.3)
    unmixed = dataclasses.replace(found, orders=(*found.orders, "measured time"), order_rho=rho)
    assert "No cell has neighbors of another measured time" in of_velocity(unmixed).why


def test_orders_stand_beside_each_other(monkeypatch):
    data, _, latent = moments("splicing-bifurcation", 400)
    made = registry.create("velovi", {"width": 32}, data.spec, seed=0)
    fit(made, data, TrainConfig.preset("standard", type(made), steps=200), seed=0)
    found = agreement(made, data, view(data))
    assert found.orders == ("order along the arrows", f"latent time of {made.title}", "diffusion pseudotime")
    np.testing.assert_array_equal(found.order_values[0], found.order)
    for k in range(3):
        for j in range(3):
            expected = spearmanr(found.order_values[k], found.order_values[j]).statistic
            assert found.order_rho[k, j] == pytest.approx(expected)
    assert spearmanr(found.order_values[2], latent).statistic > 0.8
    assert "with the diffusion pseudotime" in of_order(found)
    for each in (found.intrinsic, found.extrinsic):
        assert each is not None and each.shape == (len(data.x),) and (each >= -1e-6).all() and 0.001 < each.mean() < 0.6
    again = velocity_dispersion(made, data)
    np.testing.assert_array_equal(again[0], found.intrinsic)
    monkeypatch.setattr("cellflow_core.analysis.dynamics.BLOCK", 64)
    for parts, whole in zip(velocity_dispersion(made, data), again, strict=True):
        np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_the_limit_of_agreement_moves_arrows_and_nothing_else():
    _, found = changing()
    few, all_cells = draw_above(found, 0.95), draw_above(found, -1.0)
    assert few.drawn.sum() < found.drawn.sum() <= all_cells.drawn.sum()
    np.testing.assert_array_equal(draw_above(few, 0.5).drawn, found.drawn)
    np.testing.assert_array_equal(draw_above(few, 0.5).u, found.u)
    assert np.isnan(draw_above(found, 2.0).u).all()


def test_groups_are_fitted_apart_and_one_of_other_rates_is_named():
    data, *_ = moments("splicing-bifurcation", 400)
    batch = np.where(np.arange(len(data.x)) % 2, "one", "two")
    same = group_velocities(dataclasses.replace(data, labels={"batch": batch}), "batch")
    assert same.names == ("one", "two") and same.cells.sum() == len(data.x) and same.cosine.min() > 0.9
    assert "one fit serves all" in of_groups(same)
    other = data.unspliced.copy()
    other[batch == "two"] *= np.random.default_rng(0).uniform(0.1, 5, other.shape[1])
    x = data.space.join(other, data.spliced).astype(np.float32)
    mixed = dataclasses.replace(data, x=x, unspliced=other, labels={"batch": batch})
    different = group_velocities(mixed, "batch")
    assert different.cosine.min() < 0.8 and "arrows depend on the other groups" in of_groups(different)
    with pytest.raises(ValueError, match="at least 2 are needed"):
        group_velocities(dataclasses.replace(data, labels={"batch": np.full(len(x), "one")}), "batch")


def test_the_phase_portrait_is_that_of_the_estimates():
    data, _ = changing()
    found, every = phase_portrait(model(data), data, data.space.genes[3]), estimates(model(data), data)
    np.testing.assert_array_equal(found.velocity, every.velocity[:, :, 3])
    line = found.unspliced - found.slope[0] * found.spliced
    np.testing.assert_allclose(found.velocity[0], line, atol=1e-3 * np.abs(line).max())
    assert found.rate_names == ("degradation (1 / splicing time)",) and found.rates[0] == pytest.approx(found.slope[0])
    assert not len(found.course) and np.isnan(found.course_r2)
    with pytest.raises(KeyError, match="Nobody"):
        phase_portrait(model(data), data, "Nobody")


def test_a_course_through_the_cells_has_their_variance():
    angle = np.linspace(0, np.pi, 200)
    arch = np.stack([np.sin(angle), angle], axis=1)
    cells = arch + 0.05 * np.random.default_rng(0).normal(size=arch.shape)
    assert course_r2(*cells.T, arch) > 0.95 > course_r2(*cells.T, arch[:, ::-1])
    assert course_r2(*cells.T, cells.mean(axis=0, keepdims=True)) == pytest.approx(0)


def test_numbers_of_some_cells_and_genes_at_a_time_are_those_of_all_at_once(monkeypatch):
    data, whole = changing()
    monkeypatch.setattr("cellflow_core.analysis.dynamics.BLOCK", 64)
    monkeypatch.setattr("cellflow_core.analysis.rna_velocity.agreement.GENES", 3)
    parts, v = agreement(model(data), data, view(data)), estimates(model(data), data).velocity.astype(float)
    for name in ("pairwise", "agreement", "arrows", "speed", "order", "gene_agreement", "r2", "fast"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-6)
    scaled = v / data.spliced.std(axis=0)
    unit = scaled / np.linalg.norm(scaled, axis=2, keepdims=True)
    pairs = [(0, 1), (0, 2), (1, 2)]
    cosines = np.array([(unit[i] * unit[j]).sum(axis=1) for i, j in pairs])
    np.testing.assert_allclose(whole.agreement, cosines.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose([whole.pairwise[each] for each in pairs], np.median(cosines, axis=1), atol=1e-6)
    rho = [[np.corrcoef(v[i, :, k], v[j, :, k])[0, 1] for i, j in pairs] for k in range(v.shape[2])]
    np.testing.assert_allclose(whole.gene_agreement, np.mean(rho, axis=1), atol=1e-6)
    size = np.square(scaled).mean(axis=1)
    count = int(np.ceil(0.1 * size.shape[1]))
    assert (whole.fast == (size >= np.sort(size)[:, -count, None]).sum(axis=0)).all()
    residual = data.unspliced - whole.slope[0] * data.spliced
    mean_residual = data.unspliced - data.unspliced.mean(axis=0)
    np.testing.assert_allclose(whole.r2, 1 - np.square(residual).sum(0) / np.square(mean_residual).sum(0), atol=1e-5)


def test_data_without_moments_are_refused_and_second_moments_missed():
    data, _ = changing()
    few = dataclasses.replace(data, spliced_squared=None)
    assert len(estimates(model(few), few).names) == 2 and "Stochastic" in estimates(model(few), few).notes[0]
    with pytest.raises(ValueError, match="Velocity genes and moments"):
        estimates(model(data), dataclasses.replace(data, unspliced=None))


class Halved(SteadyState):
    title = "Half the steady-state ratio"

    def prepare(self, frames, rng):
        super().prepare(frames, rng)
        self.gamma.mul_(0.5)


def test_whatever_says_that_it_is_quick_stands_beside_the_others():
    data, _ = changing()
    assert quick_estimators() == ("consistent-velocity", "steady-state", "stochastic")
    with registry.registered("halved", "rna_velocity", Halved):
        found = estimates(None, data)
    assert found.names[-1] == Halved.title and len(found.names) == 4
    np.testing.assert_allclose(found.slope[-1], found.slope[1] / 2)
    with registry.registered("halved", "neural_ode", Halved):
        assert "halved" not in quick_estimators()


def test_times_that_have_nothing_to_do_with_the_arrows_are_seldom_taken_for_their_proof():
    """Neighbors share neighbors and velocities: with cells shuffled one by one, a fifth of such times are proof."""
    data, *_ = moments("splicing-bifurcation", 400)
    found = estimates(None, data)
    x, v = found.spliced / found.scale, found.scaled(0)
    graph, rng = velocity_graph(x, v, nearest_others(x, 30)), np.random.default_rng(0)
    proven = 0
    for _ in range(40):
        timed = dataclasses.replace(data, t=rng.permutation(np.arange(len(x)) % 3).astype(float))
        share, (_, high) = forward_share(graph, x, v, timed)
        proven += share > high
    assert proven <= 4
