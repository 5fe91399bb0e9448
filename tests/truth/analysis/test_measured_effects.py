"""Measured effects on made-up screens whose truth is known: what has no effect is not called, what has one is found."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.perturbations.measured_effects import Genes, measured_effects
from cellflow_core.analysis.results import MeasuredEffects
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

GENES = tuple(f"G{k}" for k in range(30))
NULL = 200


def screen(target: np.ndarray, x: np.ndarray, t: np.ndarray | None = None, **labels: np.ndarray) -> Snapshots:
    """Cells of a screen; target: its name in each cell, "" for a control."""
    design = {each: (target == each).astype(float) for each in dict.fromkeys(target[target != ""].tolist())}
    return Snapshots(x, t, AffineSpace.of_genes(GENES), perturbation=design, labels=labels)


def counted(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """log(1 + counts) of genes that are overdispersed, as in cells."""
    return np.log1p(rng.poisson(mean * rng.gamma(4, 1 / 4, mean.shape))).astype(np.float32)


@pytest.fixture(scope="module")
def nothing() -> MeasuredEffects:
    """200 targets without an effect, 25 cells each, genes from rare to common."""
    rng = np.random.default_rng(0)
    target = np.repeat(["", *(f"T{k}" for k in range(NULL))], [400] + [25] * NULL)
    mean = np.tile(np.geomspace(0.1, 10, len(GENES)), (len(target), 1))
    return measured_effects(screen(target, counted(rng, mean)))


def test_targets_without_effect_are_not_called(nothing: MeasuredEffects) -> None:
    """Expected 5 % of p below 0.05, here within 2 % to 9 %; adjusted for 200 targets, at most one is called."""
    assert 0.02 < (nothing.p < 0.05).mean() < 0.09
    assert nothing.found.sum() <= 1


def test_few_targets_without_effect_have_a_gene_that_is_called(nothing: MeasuredEffects) -> None:
    """With no true change every call is false, and 5 % of the targets may have one; here at most 7 %."""
    assert (nothing.genes_changed > 0).mean() <= 0.07


def test_the_interval_of_no_change_holds_it_95_times_in_100(nothing: MeasuredEffects) -> None:
    """6,000 intervals, rare genes among them; wider where the variance of few cells is not believed."""
    holds = (nothing.low <= 0) & (nothing.high >= 0)
    assert 0.94 < holds.mean() < 0.985
    assert (holds.mean(axis=0) > 0.9).all()


def test_the_floor_of_no_effect_holds_the_distances(nothing: MeasuredEffects) -> None:
    """Target cells without an effect are as far from the controls as halves of the controls are: about 0."""
    inside = (nothing.floor_low <= nothing.distance) & (nothing.distance <= nothing.floor_high)
    assert inside.mean() > 0.85
    assert abs(nothing.distance.mean()) < 0.1 * (nothing.floor_high - nothing.floor_low).mean()


def gaussian(seed: int, shift: dict[str, dict[str, float]], cells: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """(targets, states): independent genes of variance 1, shifted by target and gene."""
    rng = np.random.default_rng(seed)
    target = np.repeat(["", *shift], [3 * cells] + [cells] * len(shift))
    x = rng.normal(size=(len(target), len(GENES)))
    for name, genes in shift.items():
        for gene, size in genes.items():
            x[target == name, GENES.index(gene)] += size
    return target, x.astype(np.float32)


def test_one_effect_among_two_hundred_targets_is_found() -> None:
    """999 permutations give no p below 0.001, which 200 tests turn into 0.2: where it matters, more are drawn."""
    rng = np.random.default_rng(12)
    target = np.repeat(["", *(f"T{k}" for k in range(NULL))], [100] + [15] * NULL)
    x = rng.normal(size=(len(target), len(GENES)))
    x[target == "T7", :4] += 2.5
    found = measured_effects(screen(target, x))
    assert [found.names[k] for k in np.flatnonzero(found.found)] == ["T7"]
    assert found.p[7] < 0.0005


def test_known_changes_are_recovered() -> None:
    """Each of 40 shifts of 0.5 within its interval 95 times in 100 (here at least 85), and named strongest first."""
    shift = {f"T{k}": {"G3": 0.5, "G7": -0.5, "G9": 1.0} for k in range(20)}
    found = measured_effects(screen(*gaussian(1, shift)))
    at = [GENES.index(each) for each in ("G3", "G7")]
    true = np.array([0.5, -0.5])
    covered = (found.low[:, at] <= true) & (true <= found.high[:, at])
    assert covered.mean() >= 0.85
    assert np.allclose(found.change[:, at].mean(axis=0), true, atol=0.08)
    assert found.found.all()
    assert all(found.strongest(k, 1, 5)[:2] == [9, 3] for k in range(20))


def test_the_energy_distance_is_that_of_the_two_laws() -> None:
    """A shift of 2 of one of 30 axes: E = 2 E|x - y| - E|x - x'| - E|y - y'| from 4,000 pairs of each kind."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 40_000, len(GENES)))
    pairs = np.linalg.norm(a - b, axis=1).mean()
    a[:, 0] += 2
    true = 2 * (np.linalg.norm(a - b, axis=1).mean() - pairs)
    found = measured_effects(screen(*gaussian(2, {"A": {"G0": 2.0}, "B": {}}, cells=300)))
    assert found.distance[0] == pytest.approx(true, rel=0.2)
    assert found.distance_low[0] < true < found.distance_high[0]
    assert found.found.tolist() == [True, False]
    assert found.distance[0] > 5 * found.floor_high[0]


def test_a_change_of_the_target_gene_alone_is_no_effect() -> None:
    """G4 is knocked out and nothing follows: its change is listed, and no score counts it."""
    found = measured_effects(screen(*gaussian(3, {"G4": {"G4": -5.0}, "T": {"G4": -5.0}})))
    own, other = found.names.index("G4"), found.names.index("T")
    assert found.own[own].tolist() == [each == "G4" for each in GENES] and not found.own[other].any()
    assert found.change[own, 4] == pytest.approx(-5, abs=0.2)
    assert not found.found[own] and found.genes_changed[own] == 0 and np.isnan(found.gene_q[own, 4])
    assert found.found[other] and found.strongest(other, -1, 3) == [4]
    assert found.total_change[own] < 0.2 < found.total_change[other]


def test_a_target_gene_is_taken_out_of_principal_components_too() -> None:
    target, x = gaussian(4, {"G4": {"G4": -5.0}, "T": {"G4": -5.0}})
    mean = x.mean(axis=0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:10]
    space = AffineSpace("pca", tuple(f"PC{k}" for k in range(10)), GENES, mean=mean, decoder=axes)
    data = screen(target, x)
    data = Snapshots((x - mean) @ axes.T, None, space, channels=data.channels)
    found = measured_effects(data, Genes(x, GENES, "log counts"))
    assert dict(zip(found.names, found.found.tolist(), strict=True)) == {"G4": False, "T": True}
    assert not any("perturbed gene itself" in each for each in found.notes)


def test_axes_that_a_target_gene_cannot_be_taken_out_of_are_named() -> None:
    target, x = gaussian(4, {"G4": {"G4": -5.0}})
    space = AffineSpace.coordinates(tuple(f"axis {k}" for k in range(x.shape[1])))
    data = Snapshots(x, None, space, channels=screen(target, x).channels)
    found = measured_effects(data, Genes(x, GENES, "log counts"))
    assert any("perturbed gene itself" in each for each in found.notes)


def test_a_batch_with_more_target_cells_is_no_effect_within_batches() -> None:
    """The second batch is shifted by 3 in all genes and holds most cells of A, which itself does nothing."""
    rng = np.random.default_rng(6)
    target = np.array(["", "A"]).repeat(600)
    batch = rng.random(1200) < np.where(target == "A", 0.85, 0.3)
    x = rng.normal(size=(1200, len(GENES))) + 3.0 * batch[:, None]
    data = screen(target, x, batch=np.where(batch, "b2", "b1"), type=np.where(batch, "late", "early"))
    pooled = measured_effects(data, annotation="type")
    within = measured_effects(data, batch="batch", annotation="type")
    assert pooled.found[0] and pooled.genes_changed[0] == len(GENES)
    assert not within.found[0] and within.genes_changed[0] == 0
    assert within.strata == ("batch",) and within.strata_count == 2 and "within each batch" in within.notes[0]
    assert pooled.share_low[0, 0] > 0.3 or pooled.share_high[0, 0] < -0.3
    assert (within.share_low[0] <= 0).all() and (within.share_high[0] >= 0).all()


def test_times_are_kept_apart_without_asking() -> None:
    """A shifts G1 by 1 at both times; all genes rise by 4 in time, and A was measured mostly late."""
    rng = np.random.default_rng(7)
    target = np.array(["", "A"]).repeat(600)
    t = (rng.random(1200) < np.where(target == "A", 0.8, 0.5)).astype(float)
    x = rng.normal(size=(1200, len(GENES))) + 4.0 * t[:, None]
    x[target == "A", 1] += 1
    found = measured_effects(screen(target, x, t))
    assert found.strata == ("time",) and found.strongest(0, 1, 30) == [1]
    assert found.low[0, 1] < 1 < found.high[0, 1]


def test_shares_of_groups_have_an_interval_that_holds_the_truth() -> None:
    """40 screens in which 30 % of the controls and 45 % of the perturbed cells are of one kind."""
    rng = np.random.default_rng(8)
    target = np.repeat(["", *(f"T{k}" for k in range(40))], [2000] + [100] * 40)
    kind = np.where(rng.random(len(target)) < np.where(target == "", 0.3, 0.45), "a", "b")
    found = measured_effects(screen(target, rng.normal(size=(len(target), len(GENES))), kind=kind), annotation="kind")
    at = found.groups.index("a")
    holds = (found.share_low[:, at] < 0.15) & (found.share_high[:, at] > 0.15)
    assert holds.mean() > 0.85 and found.control_share[at] == pytest.approx(0.3, abs=0.03)


def test_what_a_prediction_must_beat_tells_the_targets_apart() -> None:
    """A strong change repeats itself; the mean of the others is close where all do the same, and nothing is far."""
    same = {f"T{k}": {"G1": 2.0, "G2": -2.0} for k in range(4)}
    found = measured_effects(screen(*gaussian(9, {**same, "none": {}}, cells=400)))
    nothing, mean, repeat = found.baseline_error.T
    assert (repeat[:4] < 0.4 * nothing[:4]).all() and (mean[:4] < 0.6 * nothing[:4]).all()
    assert (found.repeat[:4] > 0.9).all() and abs(found.repeat[4]) < 0.5


def test_combinations_are_groups_of_their_own_and_cells_without_a_call_are_none() -> None:
    rng = np.random.default_rng(10)
    a, b = np.zeros(400), np.zeros(400)
    a[:100] = b[50:150] = 1
    a[390:] = np.nan
    data = Snapshots(rng.normal(size=(400, 30)), None, AffineSpace.of_genes(GENES), perturbation={"A": a, "B": b})
    found = measured_effects(data)
    assert dict(zip(found.names, found.cells.tolist(), strict=True)) == {"A": 50, "B": 50, "A + B": 50}
    assert found.targets[2] == ("A", "B") and found.control_cells == 240 and found.without_call == 10


def test_what_cannot_be_compared_is_one_sentence() -> None:
    rng = np.random.default_rng(0)
    space, x = AffineSpace.of_genes(GENES), rng.normal(size=(60, 30))
    with pytest.raises(ValueError, match="design"):
        measured_effects(Snapshots(x, None, space))
    with pytest.raises(ValueError, match="control cells"):
        measured_effects(Snapshots(x, None, space, perturbation={"A": np.ones(60)}))
    some = np.arange(60) < 5
    with pytest.raises(ValueError, match="no target has"):
        measured_effects(Snapshots(x, None, space, perturbation={"A": some.astype(float)}))


def test_a_stored_result_is_read_back(nothing: MeasuredEffects, tmp_path) -> None:
    nothing.save(tmp_path / "found.npz")
    again = MeasuredEffects.load(tmp_path / "found.npz")
    assert again.targets == nothing.targets and np.array_equal(again.change, nothing.change)


@pytest.mark.parametrize("sparse", [False, True])
def test_sparse_and_dense_tables_agree_with_welch(sparse: bool) -> None:
    from scipy.sparse import csc_array
    from scipy.stats import ttest_ind

    target, x = gaussian(11, {"A": {"G1": 0.4}})
    x = np.where(x > 0, x, 0).astype(np.float32)
    x[target == "A"] *= 1.3  # more variance among the perturbed cells: then it is Welch's test unchanged
    found = measured_effects(screen(target, x), Genes(csc_array(x) if sparse else x, GENES, ""))
    oracle = ttest_ind(x[target == "A"].astype(float), x[target == ""].astype(float), equal_var=False)
    wider = x[target == "A"].var(axis=0) > x[target == ""].var(axis=0) * 1.02
    assert wider.sum() > 20
    low, high = oracle.confidence_interval(0.95)
    assert np.allclose(found.low[0, wider], low[wider], atol=1e-5)
    assert np.allclose(found.high[0, wider], high[wider], atol=1e-5)
