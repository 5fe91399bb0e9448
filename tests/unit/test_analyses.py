"""Clamps, terminal states, start cells, courses and trends, on fields that are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis import flow
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import fate_map
from cellflow_core.analysis.flow import cells_near, flow_field
from cellflow_core.analysis.gene_trend import gene_trend
from cellflow_core.analysis.helmholtz import share_unexplained
from cellflow_core.analysis.initial_cells import select_initial_cells
from cellflow_core.analysis.landscape import landscape
from cellflow_core.analysis.perturbations.clamp import Clamped
from cellflow_core.analysis.perturbations.knock_out import (
    clamp_level,
    control_genes,
    lowest_level,
    outside_share,
    perturbation,
)
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.analysis.time_course import time_course
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.state_space import StateSpace
from cellflow_core.models.contract import (
    DynamicsModel,
    HasCoupling,
    HasDrift,
    HasGrowth,
    HasNoise,
    HasPotential,
    HasSampler,
    HasVelocity,
    TransportPlan,
)

GENES = ("Up", "Side", "Still")


def splitting(cells: int = 120) -> Snapshots:
    """Cells that move up with speed 1 and away from Side = 0 to one of two sides, three quarters to the right."""
    rng = np.random.default_rng(0)
    frames = []
    for time in (0.0, 1.0, 2.0):
        side = np.where(np.arange(cells) % 4, 1.0, -1.0)
        x = np.stack([np.full(cells, time), side * (0.2 + 2 * time), np.zeros(cells)], axis=1)
        frames.append(x + 0.1 * rng.normal(size=x.shape))
    t = np.repeat([0.0, 1.0, 2.0], cells)
    kind = np.where(np.concatenate(frames)[:, 1] > 0, "right <b>", "left")
    x = np.concatenate(frames).astype(np.float32)
    return Snapshots(x, t, StateSpace.of_genes(GENES), "day", labels={"kind": kind})


DATA = splitting()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)


class Made(DynamicsModel):
    title = "Made up"
    summary = "For tests."
    paper = "none"
    Config = Config

    def __init__(self):
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()


class Split(Made, HasVelocity):
    def velocity(self, t, x, context):
        return torch.stack([torch.ones_like(t), 2 * torch.tanh(20 * x[:, 1]), -x[:, 2]], dim=1)


class Noisy(Made, HasDrift, HasNoise):
    def drift(self, t, x, context):
        return torch.stack([torch.ones_like(t), 2 * torch.tanh(20 * x[:, 1]), -x[:, 2]], dim=1)

    def noise(self, t):
        return torch.full_like(t, 0.3)


class Hill(Split, HasPotential):
    def potential(self, t, x, context):
        return -x[:, 0] + 0.5 * x[:, 2].square()


class NoisyHill(Noisy, HasPotential):
    def potential(self, t, x, context):
        return -x[:, 0] + 0.5 * x[:, 2].square()


class Growing(Split, HasGrowth):
    def growth(self, t, x, context):
        return x[:, 1].sign()


class Plans(Made, HasCoupling):
    def coupling(self, k):
        a, b = (torch.from_numpy(DATA.at(time)) for time in DATA.times[k : k + 2])
        return TransportPlan(float(k), float(k + 1), a, b, torch.full((len(a),), 1 / len(a)))


@pytest.mark.parametrize("kind", [Split, Noisy])
def test_a_clamp_keeps_the_gene_at_its_level_all_along(kind):
    rng = np.random.default_rng(1)
    weight, offset = rng.normal(size=3), 0.4
    made = simulate(Clamped(kind(), weight, offset, 1.5), DATA.at(0.0), np.linspace(0, 2, 9))
    np.testing.assert_allclose(made.x @ weight + offset, 1.5, atol=1e-5)


def test_a_clamp_moves_a_cell_the_shortest_way():
    held = Clamped(Split(), np.array([0.0, 2.0, 0.0]), 1.0, 5.0)
    x = torch.tensor([[1.0, 7.0, 3.0]])
    torch.testing.assert_close(held.project(x), torch.tensor([[1.0, 2.0, 3.0]]))
    torch.testing.assert_close(held.project_tangent(x), torch.tensor([[1.0, 0.0, 3.0]]))


def test_two_genes_are_held_at_once_and_clamps_nest():
    weight = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    made = simulate(Clamped(Split(), weight, np.zeros(2), np.array([2.0, 1.0])), DATA.at(0.0), [0.0, 1.0])
    np.testing.assert_allclose(made.x[:, :, :2], np.broadcast_to([2.0, -1.0], (2, 120, 2)), atol=1e-5)
    nested = Clamped(Clamped(Split(), np.array([0, 0, 1.0]), 0.0, 0.5), np.array([1.0, 0, 0]), 0.0, 2.0)
    np.testing.assert_allclose(
        simulate(nested, DATA.at(0.0), [0.0, 1.0]).x[-1][:, [0, 2]], [[2.0, 0.5]] * 120, atol=1e-5
    )


def test_a_gene_that_the_space_does_not_see_cannot_be_held():
    with pytest.raises(ValueError, match="loadings are zero"):
        Clamped(Split(), np.zeros(3), 0.0, 1.0)


def test_a_static_plan_cannot_answer_a_perturbation():
    with pytest.raises(ValueError, match="static plan"):
        perturbation(Plans(), DATA, VIEW, "Side")


@pytest.mark.parametrize("kind", [Split, Noisy])
def test_holding_a_gene_where_it_is_changes_nothing(kind):
    start = DATA.x.copy()
    start[:, 2] = 0.0
    data = Snapshots(start, DATA.t, DATA.space, labels=DATA.labels)
    still = perturbation(kind(), data, VIEW, "Still", level=0.0)
    if kind is Split:
        np.testing.assert_array_equal(still.before_end, still.after_end)
    np.testing.assert_allclose(still.change, 0.0, atol=1e-12)
    assert still.low.max() <= 0 <= still.high.min() + 1e-12


def test_the_change_of_fates_is_found_with_its_interval_and_controls():
    up = perturbation(Split(), DATA, VIEW, "Side", "over-expression", states="kind")
    assert up.names == ("right <b>", "left")
    np.testing.assert_allclose(up.before, [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(up.after, [1.0, 0.0])
    assert up.low[0] < up.change[0] < up.high[0] and up.high[0] - up.low[0] < 0.2
    assert set(up.control_genes) == {"Up", "Still"} and up.control_change.shape == (2, 2)
    assert np.abs(up.control_change).max() < 0.1
    assert up.before_paths.shape == up.after_paths.shape == (21, 60, 2)
    assert any("cause" in each for each in up.notes) and any("only 2 other genes" in each for each in up.notes)


def test_a_gene_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="gene 'Nowhere' is not in the model"):
        perturbation(Split(), DATA, VIEW, "Nowhere")


def test_states_far_from_every_cell_count_as_outside():
    assert outside_share(DATA.x, DATA.x[None] + 50) == 1.0
    assert outside_share(DATA.x, DATA.x[None]) == 0.0


def test_levels_of_a_knock_out_and_an_over_expression():
    counts = np.linspace(0, 4, 101)
    assert lowest_level(counts) == 0.0 and lowest_level(counts - 2) is None
    assert clamp_level(counts, "knock-out", 0.0) == 0.0
    assert clamp_level(counts, "over-expression", 0.0) == pytest.approx(3.96)
    assert clamp_level(counts - 2, "knock-out", None) == pytest.approx(-1.96)


def test_control_genes_are_others_and_alike():
    rng = np.random.default_rng(0)
    spread = np.repeat([0.1, 5.0], 150)
    x = (rng.normal(size=(80, 300)) * spread).astype(np.float32)
    data = Snapshots(x, np.zeros(80), StateSpace.of_genes(tuple(f"g{k}" for k in range(300))))
    picked = control_genes(data, "g3", 0)
    assert len(set(picked)) == 20 and "g3" not in picked
    assert all(int(each[1:]) < 150 for each in picked)


def test_start_cells_of_a_polygon_and_a_label():
    box = ((-1.0, 0.0), (0.5, 0.0), (0.5, 9.0), (-1.0, 9.0))
    start = select_initial_cells(DATA, VIEW, 1000, polygon=box, label=("kind", "right <b>"))
    assert start.time == 0.0 and (start.x[:, 1] > 0).all() and "drawn region" in start.text
    assert len(select_initial_cells(DATA, VIEW, 10).cells) == 10
    with pytest.raises(ValueError, match="no measured cell"):
        select_initial_cells(DATA, VIEW, 10, polygon=((90.0, 90.0), (91.0, 90.0), (91.0, 91.0)))
    with pytest.raises(KeyError, match="there are: kind"):
        select_initial_cells(DATA, VIEW, 10, label=("colour", "red"))


def test_start_cells_are_of_the_time_with_most_of_those_chosen():
    few, many = DATA.t == 0.0, DATA.t == 1.0
    few[np.flatnonzero(few)[3:]] = False
    chosen = np.where(few | many | (DATA.t == 2.0), "chosen", "other")
    marked = replace(DATA, labels={"mark": chosen})
    start = select_initial_cells(marked, VIEW, 10_000, label=("mark", "chosen"))
    assert start.time == 1.0 and len(start.cells) == many.sum()
    late = replace(DATA, labels={"mark": np.where(DATA.t == 2.0, "chosen", "other")})
    assert select_initial_cells(late, VIEW, 10, label=("mark", "chosen")).time == 2.0


def test_terminal_states_are_found_and_named_by_an_annotation():
    ends = terminal_states(DATA)
    assert ends.names == ("state 1 (right <b>)", "state 2 (left)")
    np.testing.assert_allclose(ends.measured, [0.75, 0.25], atol=0.02)
    assert (ends.of(DATA.at(2.0)) == np.where(DATA.at(2.0)[:, 1] > 0, 0, 1)).all()


def test_an_annotation_that_all_last_cells_share_names_no_state():
    day = {"day": np.where(DATA.t == 2.0, "6", "2"), **DATA.labels}
    assert terminal_states(replace(DATA, labels=day)).names == ("state 1 (right <b>)", "state 2 (left)")
    assert terminal_states(replace(DATA, labels={"day": day["day"]})).names == ("state 1", "state 2")


def test_one_cloud_is_one_terminal_state_and_says_so():
    rng = np.random.default_rng(0)
    data = Snapshots(rng.normal(size=(300, 3)).astype(np.float32), np.zeros(300), StateSpace.of_genes(GENES))
    ends = terminal_states(data)
    assert ends.names == ("state 1",) and "only one terminal state" in ends.notes[0]


def test_fates_of_each_start_cell_and_their_shares():
    for kind in (Split, Noisy, Plans):
        made = fate_map(kind(), DATA, VIEW)
        np.testing.assert_allclose(made.share, [0.75, 0.25], atol=0.08)
        assert (made.low <= made.share).all() and (made.share <= made.high).all()
        np.testing.assert_allclose(made.probability.sum(axis=1), 1.0)
        assert made.probability[made.starts[:, 1] > 0.35, 0].mean() > 0.8
    assert "3 trainings" in fate_map(Split(), DATA, VIEW, siblings=(Split(), Split())).interval


@pytest.mark.parametrize("start", ["first", "previous"])
def test_a_course_ends_where_the_cells_were_measured(start):
    made = time_course(Split(), DATA, VIEW, start)
    assert made.predicted.shape == (len(made.times), 120, 2) and set(DATA.times) <= set(made.times)
    assert np.isnan(made.w1[0]) and (made.w1[1:] < 0.2).all() and (made.w1_previous[1:] > 1.5).all()
    assert made.in_training.all() and ("the time before" in made.started_from) == (start == "previous")
    np.testing.assert_allclose(made.weight.sum(axis=1), 1, rtol=1e-5)


def test_a_held_out_time_is_told_apart():
    class Held(Split):
        def __init__(self):
            super().__init__()
            self.spec = DATA.without(1.0).spec

    made = time_course(Held(), DATA, VIEW)
    assert made.in_training.tolist() == [True, False, True]
    assert any("Time 1 was held out" in each for each in made.notes)


def test_a_gene_rises_as_its_cells_do():
    made = gene_trend(Split(), DATA, "Up")
    np.testing.assert_allclose(made.mean, made.times, atol=0.05)
    np.testing.assert_allclose(made.measured_mean, [0, 1, 2], atol=0.05)
    assert (np.diff(made.quantiles, axis=1) > 0).all()
    with pytest.raises(KeyError, match="not in the model"):
        gene_trend(Split(), DATA, "Down")


def test_the_arrows_are_the_velocity_and_stand_only_where_cells_are(monkeypatch):
    made = flow_field(Split(), DATA, VIEW, 1.0)
    there = np.isfinite(made.u)
    assert 0 < there.sum() < 0.7 * there.size
    np.testing.assert_allclose(made.u[there], 1.0, atol=1e-3)
    assert np.abs(made.v[there]).max() == pytest.approx(2.0, abs=1e-3)
    plan = flow_field(Plans(), DATA, VIEW, 0.5)
    assert np.nanmean(plan.u) == pytest.approx(1.0, abs=0.1) and "no velocity field" in plan.notes[0]
    monkeypatch.setattr(flow, "PAIRS", 40)
    few = flow_field(Plans(), DATA, VIEW, 0.5)
    assert len(few.cells) == 40 < len(plan.cells) and few.notes[1].startswith("40 of its ")
    assert "extrapolation" in flow_field(Split(), DATA, VIEW, 3.0).notes[-1]


def test_cells_near_a_time_are_those_on_both_sides():
    assert set(DATA.t[cells_near(DATA, 0.4, enough=10)]) == {0.0, 1.0}
    assert set(DATA.t[cells_near(DATA, 1.0, enough=10)]) == {1.0}
    assert set(DATA.t[cells_near(DATA, 2.0, enough=1000)]) == {0.0, 1.0, 2.0}


def test_a_learnt_potential_goes_down_where_cells_go():
    made = landscape(Hill(), DATA, VIEW)
    assert made.kind == "learnt potential" and np.nanmin(made.height) == 0 and made.non_gradient == 0
    assert np.corrcoef(made.cell_height, DATA.x[:, 0])[0, 1] < -0.9
    assert made.path_height[0].mean() > made.path_height[-1].mean()
    with pytest.raises(ValueError, match="learnt no potential"):
        landscape(Split(), DATA, VIEW, "potential")


def test_a_surface_that_never_changes_is_not_said_to_change():
    class Moving(Hill):
        def potential(self, t, x, context):
            return super().potential(t, x, context) + t * x[:, 1]

    for model, still in ((Hill(), True), (Moving(), False)):
        notes = " ".join(landscape(model, DATA, VIEW).notes)
        assert ("the same at all times" in notes) == still and ("changes with time" in notes) != still


def test_a_model_that_carries_all_cells_away_has_no_landscape():
    class Away(Made, HasVelocity):
        def velocity(self, t, x, context):
            return torch.full_like(x, 1e3)

    with pytest.raises(ValueError, match="no cell to where cells were measured by time 2"):
        landscape(Away(), DATA, VIEW, time=2.0)


def test_chance_beside_a_learnt_potential_is_told():
    for model, told in ((Hill(), False), (NoisyHill(), True)):
        notes = landscape(model, DATA, VIEW).notes
        assert any("also move by chance, which no surface shows" in each for each in notes) == told


def test_growth_is_told_wherever_cells_count_by_their_mass():
    made = (time_course(Growing(), DATA, VIEW), perturbation(Growing(), DATA, VIEW, "Up", states="kind"))
    assert all(any("learnt growth" in each for each in found.notes) for found in made)


def test_particles_roll_from_the_drawn_region():
    made = landscape(Split(), DATA, VIEW, start_polygon=((-1.0, 0.0), (0.5, 0.0), (0.5, 9.0), (-1.0, 9.0)))
    assert made.kind.startswith("quasi") and (made.paths[0, :, 1] >= 0).all()
    assert np.isfinite(made.path_height).all() and np.isfinite(made.cell_height).all()
    assert "noise" in made.notes[0]


def test_a_gradient_is_explained_and_a_rotation_is_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6))
    well = np.stack([-4 * x[:, 0] * (x[:, 0] ** 2 - 1), *(-x[:, 1:].T)], axis=1)
    assert share_unexplained(x[:300], well[:300], x[300:], well[300:]) < 0.05
    turn = np.zeros_like(x)
    turn[:, 0], turn[:, 1] = -x[:, 1], x[:, 0]
    assert share_unexplained(x[:300], turn[:300], x[300:], turn[300:]) > 0.9
    half = share_unexplained(
        x[:300], (turn - x)[:300] * [1, 1, 0, 0, 0, 0], x[300:], (turn - x)[300:] * [1, 1, 0, 0, 0, 0]
    )
    assert half == pytest.approx(0.5, abs=0.1)


class Jumping(Made, HasSampler):
    """Cells go up by chance: those of Side > 0, twice as fast."""

    def sample(self, x0, times, rng, context):
        speed = 1 + (x0[:, 1:2] > 0) + 0.1 * torch.randn(len(x0), 1, generator=rng)
        return torch.stack([x0 + (t - times[0]) * speed * torch.tensor([1.0, 0.0, 0.0]) for t in times])


class Drawing(Made, HasSampler):
    """Another population at each time, ten states to the right of the last."""

    tracks_cells = False

    def sample(self, x0, times, rng, context):
        return torch.stack([x0, *(10 * t + torch.randn(x0.shape, generator=rng) for t in times[1:])])


def test_a_sampler_that_follows_cells_gives_fates_a_course_a_trend_and_a_surface():
    model = Jumping()
    ends = fate_map(model, DATA, VIEW, "kind")
    assert ends.share.sum() == pytest.approx(1) and any("4 draws of its partners" in each for each in ends.notes)
    assert np.isfinite(time_course(model, DATA, VIEW).w1[1:]).all()
    assert np.isfinite(gene_trend(model, DATA, "Up").mean).all()
    surface = landscape(model, DATA, VIEW)
    assert "has no field that could be followed" in surface.notes[0] and np.isnan(surface.non_gradient)


def test_a_sampler_that_follows_no_cell_shows_populations_only():
    model = Drawing()
    made = simulate(model, DATA.at(0.0), [0.0, 1.0, 3.0])
    assert not made.tracks_cells and made.notes[0].startswith("Made up draws other cells at each time but the first")
    assert "outside times 0 to 2: there the cells are those of the nearer end" in made.notes[1]
    for found in (time_course(model, DATA, VIEW), gene_trend(model, DATA, "Up")):
        assert any("not what becomes of a cell" in each for each in found.notes)
    for ask in (lambda: fate_map(model, DATA, VIEW, "kind"), lambda: landscape(model, DATA, VIEW)):
        with pytest.raises(ValueError, match="follows none, so it cannot say what becomes of a cell; a model that"):
            ask()


@pytest.mark.parametrize("kind", [Jumping, Drawing])
def test_a_sampler_has_no_arrows_and_no_knock_out(kind):
    model = kind()
    with pytest.raises(ValueError, match="has its own sampler and no velocity field"):
        flow_field(model, DATA, VIEW)
    with pytest.raises(ValueError, match="only draws cells as they were measured: it cannot say where a cell with"):
        perturbation(model, DATA, VIEW, "Up", states="kind")
