"""Closed forms and stable terms where the equations are known, and the pieces that both are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.individuals.followed_equations import FollowedEquations
from cellflow_core.data.simulators.individuals.followed_equations import Settings as EquationSettings
from cellflow_core.data.simulators.individuals.maillard import ENVIRONMENT, SPECIES, Maillard
from cellflow_core.data.simulators.individuals.maillard import Settings as MaillardSettings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.gene_fields.smooth_courses import Courses, integrals
from cellflow_core.models.gene_fields.terms import Terms, equation
from cellflow_core.models.gene_fields.weak_form import projections
from cellflow_core.models.regulatory.sindy import sparse
from tests.truth.models.regulatory.simulated import auroc, trained

pytestmark = pytest.mark.truth
MODELS = ("d-code", "sindy", "causal-kinetix")


def followed(name: str, noise: float = 0.05, seed: int = 20, **more):
    simulator = FollowedEquations(EquationSettings(equation=name, noise=noise, seed=seed, **more))
    return simulator, simulator.simulate()


@pytest.mark.parametrize(
    ("name", "settings"), [("gompertz", {"logarithms": True}), ("selkov", {"degree": 3}), ("lorenz", {})]
)
def test_equations_are_recovered(name, settings):
    """Noise of a twentieth of the standard deviation: exactly the true terms, coefficients to 15 %.

    New individuals of Selkov's equation end within 0.1 standard deviations of where they were.
    """
    simulator, data = followed(name)
    model = trained("d-code", data, **settings)
    names = [each.replace("²", "^2") for each in model.terms.names(data.space.genes)]
    for found, true in zip(model.coefficients.tolist(), simulator.equations(), strict=True):
        kept = {term: value for term, value in zip(names, found, strict=True) if value}
        assert kept.keys() == true.keys()
        assert all(kept[each] == pytest.approx(true[each], rel=0.15) for each in true)
    network = model.network().numpy()
    assert ((network != 0) >= (simulator.network() != 0)).all() and model.explained.min() > 0.95
    assert len(model.notes()) == 1 + data.dim and all(each in " ".join(model.notes()) for each in data.space.genes)
    if name == "selkov":
        _, new = followed(name, noise=0.0, seed=21, n_times=11, cells_per_time=20)
        end = simulate(model, new.at(0.0), [0.0, 10.0], steps_per_interval=4).x[-1]
        assert np.sqrt(np.square((end - new.at(10.0)) / new.x.std(axis=0)).mean()) < 0.1


@pytest.mark.parametrize(("name", "noise"), [("gompertz", 0.0), ("selkov", 0.0)])
def test_a_threshold_finds_the_terms_where_there_is_little_noise(name, noise):
    simulator, data = followed(name, noise)
    model = trained("sindy", data, **{"gompertz": {"logarithms": True}, "selkov": {"degree": 3}}[name])
    names = [each.replace("²", "^2") for each in model.terms.names(data.space.genes)]
    for found, true in zip(model.coefficients.tolist(), simulator.equations(), strict=True):
        kept = {term: value for term, value in zip(names, found, strict=True) if value}
        assert kept == {each: pytest.approx(value, rel=0.1) for each, value in true.items()}
    assert model.explained.min() > 0.95


def test_thresholded_least_squares_by_hand():
    """y = 3 a - 2 c + 0.01 b: the small term goes, and what is left is fitted anew, in any unit."""
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(500, 3)))
    rates = torch.stack([3 * rows[:, 0] - 2 * rows[:, 2] + 0.01 * rows[:, 1], 1e-3 * rows[:, 1] * 7], dim=1)
    found = sparse(rows, rates, 0.1)
    assert found[1].tolist() == [0.0, pytest.approx(7e-3), 0.0] and found[0, 1] == 0
    left = torch.linalg.lstsq(rows[:, [0, 2]], rates[:, :1]).solution[:, 0]
    torch.testing.assert_close(found[0, [0, 2]], left, rtol=1e-6, atol=1e-6)
    scale = torch.tensor([10.0, 0.1, 1000.0], dtype=torch.float64)
    torch.testing.assert_close(sparse(rows * scale, rates, 0.1) * scale, found, rtol=1e-5, atol=1e-6)
    assert not sparse(rows, torch.from_numpy(np.random.default_rng(1).normal(size=(500, 1))), 0.2).any()


def test_a_constant_variable_acts_on_nothing_and_one_individual_leaves_none_out():
    """A decays with 0.3, B stands still."""
    t = np.tile(np.arange(20.0) / 2, 8)
    start = np.repeat(np.linspace(1, 4, 8), 20)
    x = np.stack([start * np.exp(-0.3 * t), np.full(160, 2.5)], axis=1).astype(np.float32)
    data = Snapshots(x, t, AffineSpace.of_genes(("A", "B")), channels={"subject": np.repeat(np.arange(8), 20)})
    model = trained("sindy", data)
    names = model.terms.names(("A", "B"))
    assert {n: v for n, v in zip(names, model.coefficients[0].tolist(), strict=True) if v} == {
        "A": pytest.approx(-0.3, rel=0.02)
    }
    assert not model.coefficients[1].any() and model.network()[0, 1] == 0
    assert model.explained[0] > 0.99 and model.explained[1].isnan()
    one = Snapshots(x[:20], t[:20], data.space, channels={"subject": np.zeros(20, int)})
    alone = trained("sindy", one)
    assert alone.explained.isnan().all() and "left out" not in " ".join(alone.notes())


def test_noise_gives_no_equation():
    """Rows in random order: less than a tenth of what is left out is explained."""
    _, data = followed("selkov", cells_per_time=15)
    order = np.random.default_rng(0).permutation(len(data.x))
    model = trained("d-code", replace(data, x=data.x[order]), degree=2)
    assert model.explained.max() < 0.1


def test_true_terms_are_ranked_first():
    """Five environments: the two terms of triose come before 75 others, and the notes say so."""
    place = SPECIES.index("Triose")
    simulator = Maillard(MaillardSettings(target=place + 1, seed=20))
    model = trained("causal-kinetix", simulator.simulate(), environment=ENVIRONMENT)
    ranked = [name for name, _ in model.ranked(place)]
    assert {*ranked[:2]} == {" ".join(each) for each in simulator.true_terms("Triose")}
    assert any(each.startswith("Triose: ") for each in model.notes())
    found = model.network()[place]
    assert {*found.abs().topk(2).indices.tolist()} == {SPECIES.index("Fructose"), place} and found[place] < 0


def test_an_equation_of_three_terms_keeps_them_where_terms_are_narrowed_down():
    """Fructose: a forward selection takes 27 other terms before two of the three true ones."""
    place = SPECIES.index("Fructose")
    simulator = Maillard(MaillardSettings(target=place + 1, seed=4))
    model = trained("causal-kinetix", simulator.simulate(), environment=ENVIRONMENT, expected_terms=3)
    ranked = [name for name, _ in model.ranked(place)]
    assert {*ranked[:3]} == {" ".join(each) for each in simulator.true_terms("Fructose")}


def test_variables_are_ranked_too():
    """On Lorenz's equation each individual is an environment: all six edges between two variables come first."""
    simulator, data = followed("lorenz", cells_per_time=12)
    network = trained("causal-kinetix", data).network().numpy()
    assert auroc(network, simulator.network()) > 0.9


def test_an_environment_has_to_be_known():
    with pytest.raises(ValueError, match="annotation 'batch'"):
        trained("causal-kinetix", Maillard().simulate(), environment="batch")


@pytest.mark.parametrize("name", MODELS)
def test_the_same_data_give_the_same_network(name):
    _, data = followed("selkov", cells_per_time=10)
    one, again = (trained(name, data, seed=0).network() for _ in range(2))
    assert torch.equal(one, again)


def test_courses_are_smoothed():
    """Irregular times and missing values: the error falls to a third of the noise, and integrals are right to 1 %."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 6, (20, 60)), axis=1)
    true = np.stack([np.sin(t), np.cos(t)], axis=2)
    observed = rng.random(true.shape) < 0.9
    observed[..., 0] |= ~observed[..., 1]  # every row holds something
    noisy = true + 0.2 * rng.normal(size=true.shape)
    subject = np.repeat(np.arange(20), 60)
    data = Trajectories(subject, t.ravel(), noisy.reshape(-1, 2), observed.reshape(-1, 2), ("a", "b"))
    courses = Courses.of(TrajectoryTensors.from_trajectories(data))
    error = courses.smoothed(courses.t).numpy() - true
    assert np.sqrt(np.square(error).mean()) < 0.07
    times = courses.fine_times()
    found = integrals(times, torch.sin(times)[..., None], courses.t)[..., 0]
    np.testing.assert_allclose(found, np.cos(t[:, :1]) - np.cos(t), atol=0.01)


def test_rows_in_which_nothing_was_measured_are_left_out():
    t, x = np.tile(np.arange(5.0), 2), np.arange(10.0)[:, None]
    observed = np.ones((10, 1), bool)
    observed[[1, 6, 7, 8]] = False  # two values of the second individual are left: no course
    data = Trajectories(np.repeat([0, 1], 5), t, x, observed, ("a",))
    courses = Courses.of(TrajectoryTensors.from_trajectories(data))
    assert courses.subject.tolist() == [0] and courses.t.tolist() == [[0, 2, 3, 4]]
    assert courses.x[0, :, 0].tolist() == [0, 2, 3, 4] and courses.observed.all()


def test_long_courses_are_cut():
    simulator, data = followed("lorenz", cells_per_time=2, n_times=250)
    courses = Courses.of(TrajectoryTensors.from_trajectories(Trajectories.from_snapshots(data)))
    assert len(courses.t) == 6 and courses.subject.tolist() == [0, 0, 0, 1, 1, 1] and simulator.axes == ("x", "y", "z")


def test_the_weak_form_holds_for_the_true_equation():
    """x' = -x: both integrals agree to 1e-3 of their size, without a derivative."""
    times = torch.linspace(0, 2, 401, dtype=torch.double)[None]
    course = torch.exp(-times)[..., None]
    left, right = projections(times, course, -course, 10)
    assert (left[..., 0] - right[..., 0]).abs().max() < 1e-3 * left.abs().max()


def test_sines_that_points_cannot_tell_apart_are_left_out():
    """x' = -x at 17 points: 200 sines find the rate as 20 do, to 3 %; with those that look slower it is 0.84."""
    times = torch.linspace(0, 2, 17, dtype=torch.double)[None]
    course = torch.exp(-times)[..., None]
    left, right = (each[0, :, 0] for each in projections(times, course, course, 200))
    assert len(left) == 15 and float(left @ right / (left @ left)) == pytest.approx(-1.0, abs=0.03)


def test_terms_are_written_as_an_equation_writes_them():
    terms = Terms.up_to(2, 2, logarithms=True)
    assert terms.names(("A", "B")) == ("1", "A", "B", "A²", "A B", "B²", "A log A", "B log B")
    x = torch.tensor([[2.0, 3.0]])
    assert terms.values(x)[0].tolist() == pytest.approx([1, 2, 3, 4, 6, 9, 2 * np.log(2), 3 * np.log(3)])
    assert equation("A", [0.5, 0, -1, 0, 0, 0, 0, 2], terms.names(("A", "B"))) == "d A / dt = 0.5 − 1 B + 2 B log B"
    with pytest.raises(ValueError, match="lower degree"):
        Terms.up_to(200, 2)
