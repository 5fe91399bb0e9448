"""Models that draw cells, against laws that are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.neighbors import KNeighborsClassifier

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import vae
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.test_flow_matching import two_groups

pytestmark = pytest.mark.truth
M0, S0 = np.array([0.0, 50.0]), np.array([4.0, 2.0])
M1, S1 = np.array([6.0, 48.0]), np.array([2.0, 3.0])


def two_times(x0: np.ndarray, x1: np.ndarray, **known) -> Snapshots:
    axes = AffineSpace.coordinates(tuple("abcdef"[: x0.shape[1]]))
    return Snapshots(np.concatenate([x0, x1]), np.repeat([2.0, 5.0], [len(x0), len(x1)]), axes, **known)


def trained(name: str, data: Snapshots, steps: int, **settings):
    model = registry.create(name, settings, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=steps, validation_fraction=0.0), seed=0)
    return model.eval()


@cache
def genot(epsilon: float):
    """Of these Gaussians, with the covariance c, axis by axis, that the entropic plan between them has.

    Squared distance and epsilon mean squared distances = 2 v of entropy: c = sqrt(4 s0^2 s1^2 + v^2) / 2 - v / 2
    (Janati et al. 2020, arXiv:2006.02572).
    """
    rng = np.random.default_rng(0)
    data = two_times(*(m + s * rng.normal(size=(1000, 2)) for m, s in ((M0, S0), (M1, S1))))
    v = epsilon * (S0**2 + S1**2 + (M1 - M0) ** 2).sum() / 2
    return trained("genot", data, steps=1200, epsilon=epsilon), (np.sqrt(4 * S0**2 * S1**2 + v**2) - v) / 2


@pytest.mark.parametrize("epsilon", [0.05, 0.2])
def test_genot_draws_from_the_entropic_plan_between_gaussians(epsilon):
    """The law of who a cell becomes: mean within 0.15 spreads of the later cells, spread within a fifth.

    A cell at x becomes one of N(m1 + c / s0^2 (x - m0), s1^2 - c^2 / s0^2).
    """
    model, c = genot(epsilon)
    spread = np.sqrt(S1**2 - c**2 / S0**2)
    for z in [(0, 0), (1, 0), (-1, 0.5), (0.5, -1), (-1, -1)]:
        x = M0 + S0 * z
        ends = simulate(model, np.repeat(x[None], 1000, axis=0), [2.0, 3.5, 5.0], seed=1).x
        np.testing.assert_allclose((ends[-1].mean(axis=0) - M1 - c / S0**2 * (x - M0)) / S1, 0, atol=0.15)
        np.testing.assert_allclose(ends[-1].std(axis=0) / spread, 1, atol=0.2)
        np.testing.assert_allclose(ends[1], (ends[0] + ends[2]) / 2, atol=1e-4)


def test_genot_goes_on_from_the_middle_of_an_interval():
    """Cells half-way, at the Gaussian that the plan gives there, land on the later cells: within 0.15 and 0.1."""
    model, c = genot(0.05)
    half = (M0 + M1) / 2 + np.sqrt(S0**2 + S1**2 + 2 * c) / 2 * np.random.default_rng(3).normal(size=(3000, 2))
    ends = simulate(model, half, [3.5, 5.0], seed=1).x[-1]
    np.testing.assert_allclose((ends.mean(axis=0) - M1) / S1, 0, atol=0.15)
    np.testing.assert_allclose(ends.std(axis=0) / S1, 1, atol=0.1)


def test_genot_finds_both_ends_of_one_cloud():
    """70 % of the cells go one way and 30 % the other: shares within 0.05, few cells in between (3 %)."""
    rng = np.random.default_rng(0)
    path = np.where(rng.random(1000) < 0.3, 1.0, -1.0)
    x1 = np.stack([10 + rng.normal(size=1000), 6 * path + 0.8 * rng.normal(size=1000)], axis=1)
    data = two_times(rng.normal(size=(1000, 2)) * [1.0, 0.1], x1)
    model = trained("genot", data, steps=1500, epsilon=0.2)
    ends = simulate(model, data.at(2.0), [2.0, 5.0], seed=1).x[-1]
    assert (ends[:, 1] > 0).mean() == pytest.approx(0.3, abs=0.05)
    assert (np.abs(ends[:, 1]) < 3).mean() < 0.03
    one = simulate(model, np.zeros((1000, 2)), [2.0, 5.0], seed=2).x[-1]
    assert 0.1 < (one[:, 1] > 0).mean() < 0.6 and ends[:, 0].mean() == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize(
    ("structure", "least", "most"),
    [("second_modality", 0.9, 1), ("lineage", 0.9, 1), ("velocity", 0.9, 1), ("none", 0.3, 0.5)],
)
def test_genot_follows_what_is_only_known_within_a_time(structure, least, most):
    """Two clones of 70 % and 30 % change places. By the state alone cells stay where they are, and the 40 % that have
    to go are right; by distances within each time, between clones, velocities or what else was measured in the same
    cells, at least 90 % go with their clone."""
    rng = np.random.default_rng(0)
    side = np.repeat([1.0, -1.0], [350, 150])
    x0, x1 = (
        np.stack([x + 0 * side, y * side], axis=1) + 0.2 * rng.normal(size=(500, 2)) for x, y in ((0, 1), (4, -1))
    )
    lineage = np.concatenate([side > 0, 5 + (side > 0)]).astype(int)
    velocity = np.zeros((1000, 2))
    velocity[:500, 1], velocity[500:, 0] = 3 * side, 3 * side  # turned: only distances within a time are alike
    chromatin = rng.normal(size=(1000, 7))  # another turn, another offset and more axes than the state at each time
    for part, turn in ((slice(500), 1.0), (slice(500, None), -2.0)):
        chromatin[part, :2] += 9 * turn + 4 * side[:, None] * np.array([np.cos(turn), np.sin(turn)])
    known = {"second_modality": chromatin, "lineage": lineage, "velocity": velocity}
    data = two_times(x0, x1, **{name: known[name] for name in known if name == structure})
    model = trained("genot", data, steps=500, structure=structure, alpha=0.9, epsilon=0.02)
    ends = simulate(model, data.at(2.0), [2.0, 5.0], seed=1).x[-1]
    assert least <= (np.sign(ends[:, 1]) == -side).mean() <= most


def test_genot_on_an_unbalanced_plan_finds_the_growth_of_two_groups():
    """300 and 300 of 1000 cells become 450 and 150 of 3000 in two days: growth log(4.5) / 2 and log(1.5) / 2 a day
    within 10 %, mass of a cell 4.5 and 1.5 within 10 %, and each group goes 2 along the second axis, within 0.1."""
    rng = np.random.default_rng(0)
    data = two_groups(rng)
    model = trained("genot", data, steps=800, coupling="unbalanced", rho=0.5, epsilon=0.02)
    found = simulate(model, data.at(0.0), [0.0, 1.0, 2.0])
    right = data.at(0.0)[:, 0] > 2
    for group, mass in ((~right, 4.5), (right, 1.5)):
        np.testing.assert_allclose(np.exp(found.log_weight[1:, group].mean(axis=1)), [mass**0.5, mass], rtol=0.1)
        np.testing.assert_allclose(found.x[-1][group, 1].mean(), 2.0, atol=0.1)
    balanced = trained("genot", data, steps=1)
    assert dynamics(balanced).growth is None
    with pytest.raises(ValueError, match="second modality"):
        trained("genot", data, steps=1, coupling="unbalanced", structure="velocity")


@pytest.mark.parametrize(
    ("structure", "words"), [("second_modality", "a second modality of the same cells"), ("lineage", "line")]
)
def test_genot_refuses_a_structure_that_is_not_there(structure, words):
    data = two_times(np.zeros((5, 2)), np.ones((5, 2)))
    with pytest.raises(
        ValueError, match=f"with these settings GENOT.* needs {words}.*which these data do not have: choose others"
    ):
        trained("genot", data, steps=1, structure=structure)


def counted_cells(cells: int = 700) -> tuple[Snapshots, np.ndarray]:
    """(cells in the autoencoder's space, their counts of 30 genes): two kinds at three times, a known negative binomial
    mixture. The share of "b" goes 20 %, 40 %, 60 %; the annotation "called" is the other kind for 30 % of the cells."""
    rng = np.random.default_rng(0)
    usual, of_b, in_time = rng.normal(size=(3, 30)) * [[1.0], [1.0], [0.5]]
    t = np.repeat([0.0, 1.0, 2.0], cells)
    kind = rng.random(3 * cells) < 0.2 + 0.2 * t
    share = np.exp(usual + kind[:, None] * of_b + t[:, None] * in_time)
    share /= share.sum(axis=1, keepdims=True)
    size = 1500 * np.exp(0.2 * rng.normal(size=len(t)))
    counts = rng.poisson(size[:, None] * share * rng.gamma(4.0, 1 / 4.0, share.shape)).astype(np.float32)
    totals = counts.sum(axis=1)
    values = np.log1p(1e4 * counts / totals[:, None]).astype(np.float32)
    found = vae.fit(values, tuple(f"g{k}" for k in range(30)), 4, 0, lambda message: None, csr_array(counts), totals)
    called = kind ^ (rng.random(3 * cells) < 0.3)
    labels = {name: np.where(each, "b", "a").astype(object) for name, each in (("kind", kind), ("called", called))}
    return Snapshots(found.x, t, found.space, labels=labels, covariates={"total counts": totals}), counts


def test_cfgen_draws_the_counts_of_each_time_and_label():
    """Against the measured counts, median over genes: mean within 10 %, variance within 40 %; correlation over genes of
    their logarithms at least 0.99 and 0.98. Share of b within 0.08; guidance of 3 moves it 0.1 or more to the label."""
    data, counts = counted_cells()
    totals, is_b = np.asarray(data.covariates["total counts"]), data.labels["kind"] == "b"
    judge = KNeighborsClassifier(15).fit(data.x, is_b)
    model = trained("cfgen", data, 700, condition="called")
    steered = registry.create("cfgen", {"condition": "called", "guidance": 3.0}, data.spec, seed=0)
    steered.load_state_dict(model.state_dict())
    for time in (1.0, 2.0):
        here = data.t == time
        for label in (None, "a", "b"):
            context = None
            if label is not None:
                context = Context(covariates={"label": torch.full((int(here.sum()),), ("a", "b").index(label))})
            x, more = (
                simulate(each, data.x[here], [0.0, time], seed=1, context=context).x[-1] for each in (model, steered)
            )
            of = here if label is None else here & (data.labels["called"] == label)
            drawn, seen = data.space.sample_counts(x, totals[here], np.random.default_rng(1)), counts[of]
            for found, truth, within, least in (
                (drawn.mean(axis=0), seen.mean(axis=0), 0.1, 0.99),
                (drawn.var(axis=0), seen.var(axis=0), 0.4, 0.98),
            ):
                assert np.median(np.abs(found / truth - 1)) < within
                assert np.corrcoef(np.log(found), np.log(truth))[0, 1] > least
            share = judge.predict(x).mean()
            assert share == pytest.approx(is_b[of].mean(), abs=0.08)
            if label is not None:
                assert (judge.predict(more).mean() - share) * (1 if label == "b" else -1) > 0.1
