"""Steps from a stored data set to the next: subset, clusters, growth, and the chain they make."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.data.preprocessing import gene_sets
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps import registry
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.growth import birth_rate, death_rate
from cellflow_core.data.store import annotation_layers
from tests.toys import drifting, stored


def labelled_cells() -> str:
    data = drifting()
    kind = np.array(["a", "b", "c"] * 60)
    return stored(dataclasses.replace(data, labels={"kind": kind}, mass=np.array([60.0, 120.0, 240.0])))


def measured_cells(genes: tuple[str, ...], unit: str = "day", cells: int = 200) -> tuple[str, np.ndarray]:
    """(data set whose first half cycles and whose second half dies, expression)."""
    rng = np.random.default_rng(0)
    table = rng.normal(1, 0.3, (cells, len(genes))).astype(np.float32)
    held = [each.upper() for each in genes]
    cycling = [k for k, each in enumerate(held) if each in gene_sets.PROLIFERATION]
    dying = [k for k, each in enumerate(held) if each in gene_sets.APOPTOSIS and each not in gene_sets.PROLIFERATION]
    table[np.ix_(np.arange(cells // 2), cycling)] += 1
    table[np.ix_(np.arange(cells // 2, cells), dying)] += 1
    x = rng.normal(size=(cells, 2)).astype(np.float32)
    data = Snapshots(x, np.tile([0.0, 1.0], cells // 2), AffineSpace.coordinates(("a", "b")), unit)
    made = store.save_dataset(
        data, label="measured", origin="upload", source="f", expression=table, expression_genes=genes
    )
    return made, table


def test_every_step_says_what_it_does_and_when():
    assert {"subset", "pseudotime", "clusters", "growth"} <= set(registry.names())
    for name in registry.names():
        step = registry.create(name)
        assert step.title and len(step.summary) > 40
        assert all(each.help for each in step.Config.settings())


def test_an_unknown_step_is_told():
    with pytest.raises(KeyError, match="'fly'.*clusters"):
        derive(stored(), "fly", {})
    with pytest.raises(KeyError, match="'nope'"):
        derive("nope", "subset", {})


def test_a_subset_by_label_takes_everything_along():
    id = labelled_cells()
    parent = store.open_dataset(id)
    store.add_view(id, "umap", parent.snapshots().x + 1)
    made = store.open_dataset(derive(id, "subset", {"by": "label", "label": "kind", "values": "a\nc"}))
    kept = parent.snapshots().labels["kind"] != "b"
    np.testing.assert_array_equal(made.snapshots().x, parent.snapshots().x[kept])
    np.testing.assert_array_equal(made.embedding("umap"), parent.snapshots().x[kept] + 1)
    assert made.snapshots().mass == pytest.approx([40.0, 80.0, 160.0])
    assert made.info.parent == id and made.info.label == "drifting · some cells"
    assert made.info.steps[-1] == "Kept the cells with kind a, c: 120 of 180 cells stay"
    assert store.open_dataset(id).info.cells == 180


def test_a_subset_by_time_by_outline_and_of_the_others():
    id = labelled_cells()
    late = store.open_dataset(derive(id, "subset", {"by": "time", "first": 1.0})).info
    assert late.times == (1.0, 2.0)
    early = store.open_dataset(derive(id, "subset", {"by": "time", "first": 1.0, "keep": "others"})).info
    assert early.times == (0.0,) and "times" not in " ".join(early.has)
    view = store.open_dataset(id).embedding("pca")
    middle = float(np.median(view[:, 0]))
    half = f"{middle},-99 99,-99 99,99 {middle},99"
    right = store.open_dataset(derive(id, "subset", {"by": "outline", "outline": half}))
    assert right.info.cells == int((view[:, 0] > middle).sum())


def test_a_time_with_a_handful_of_cells_left_goes_too():
    data = drifting()
    kind = np.where(data.t == 1, np.where(np.arange(180) % 20 == 0, "a", "b"), "a")
    made = store.open_dataset(
        derive(
            stored(dataclasses.replace(data, labels={"kind": kind})),
            "subset",
            {"by": "label", "label": "kind", "values": "a"},
        )
    ).info
    assert made.times == (0.0, 2.0) and "left out too: 3 at time 1" in made.steps[-1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"by": "label", "label": "sort", "values": "a"}, "no annotation 'sort'; they have kind"),
        ({"by": "label", "label": "kind", "values": "z"}, "no cell has kind 'z'; there is a, b, c"),
        ({"by": "label", "label": "kind"}, "choose out of a, b, c"),
        ({"by": "label", "label": "kind", "values": "a\nb\nc"}, "all 180 cells would stay"),
        ({"by": "label", "label": "kind", "values": "a\nb\nc", "keep": "others"}, "0 of 180 cells would stay"),
        ({"by": "time", "first": 7.0}, "no cell was measured from 7 to 1e+300; there are cells at 0, 1, 2"),
        ({"by": "outline"}, "no outline is drawn"),
        ({"by": "outline", "outline": "1,2"}, "three or more corners"),
    ],
)
def test_a_subset_that_cannot_be_is_one_sentence(settings, sentence):
    id = labelled_cells()
    with pytest.raises((ValueError, KeyError)) as printed:
        derive(id, "subset", settings)
    assert sentence in str(printed.value)
    assert [each.id for each in store.datasets()] == [id]


def test_groups_are_found_and_named_by_size():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(20 * k, 1, (size, 4)) for k, size in enumerate((80, 200, 120))])
    id = stored(Snapshots(x.astype(np.float32), np.zeros(400), AffineSpace.coordinates(tuple("abcd"))))
    made = store.open_dataset(derive(id, "clusters", {"resolution": 0.05}))
    groups = made.snapshots().labels["Leiden 0.05"]
    assert [len(set(groups[k])) for k in (slice(0, 80), slice(80, 280), slice(280, 400))] == [1, 1, 1]
    assert (groups[0], groups[100], groups[300]) == ("3", "1", "2")
    assert "found 3 groups of 80 to 200 cells" in made.info.steps[-1].lower()
    assert made.info.id == id and made.info.annotations == ("Leiden 0.05",)
    with pytest.raises(ValueError, match="'Leiden 0.05'"):
        derive(made.info.id, "clusters", {"resolution": 0.05})
    annotation_layers.remove_last(made)
    before = store.open_dataset(id)
    assert before.info.annotations == () and before.snapshots().labels == {} and not before.info.steps
    again = store.open_dataset(derive(id, "clusters", {"resolution": 0.05})).snapshots().labels["Leiden 0.05"]
    np.testing.assert_array_equal(groups, again)


@pytest.mark.parametrize("case", [str.upper, str.capitalize])
def test_growth_tells_cycling_cells_from_dying_ones(case):
    genes = tuple(case(each) for each in (*gene_sets.S_PHASE[:20], *gene_sets.APOPTOSIS[:20], "other"))
    id, table = measured_cells(genes)
    made = store.open_dataset(derive(id, "growth", {}))
    data = made.snapshots()
    assert data.growth is not None and made.info.covariates == ("proliferation", "apoptosis", "net growth per day")
    assert data.growth[:100].min() > 0 > data.growth[100:].max()
    scaled = np.clip((table - table.mean(axis=0)) / table.std(axis=0), -5, 5)
    np.testing.assert_allclose(data.covariates["proliferation"], scaled[:, :20].mean(axis=1), atol=1e-5)
    assert "20 genes of the cell cycle and 20 of apoptosis" in made.info.steps[-1]
    assert "net growth" in " ".join(made.info.notes).lower() or "divisions" in " ".join(made.info.notes)
    assert any("growth" in each for each in made.info.has)


def test_rates_are_those_of_the_authors():
    """0.3 to 1.7 per day, half way at the centres 0.25 and 0.1; steepest slope 1.4 / width."""
    assert birth_rate(np.array([-99.0, 0.25, 99.0])) == pytest.approx([0.3, 1.0, 1.7])
    assert death_rate(np.array([-99.0, 0.1, 99.0])) == pytest.approx([0.3, 1.0, 1.7])
    assert np.gradient(birth_rate(np.array([0.249, 0.25, 0.251])), 0.001)[1] == pytest.approx(1.4 / 0.5, rel=1e-3)
    assert np.gradient(death_rate(np.array([0.099, 0.1, 0.101])), 0.001)[1] == pytest.approx(1.4 / 0.2, rel=1e-3)


def test_growth_speaks_the_unit_of_the_data():
    genes = (*gene_sets.S_PHASE[:9], *gene_sets.APOPTOSIS[:9])
    by_day, by_hour = (
        store.open_dataset(derive(measured_cells(genes, unit)[0], "growth", {})).snapshots() for unit in ("day", "hour")
    )
    assert by_day.growth is not None and by_hour.growth is not None
    np.testing.assert_allclose(by_hour.growth * 24, by_day.growth)
    stage = measured_cells(genes, "stage")[0]
    with pytest.raises(ValueError, match="'stage'.*days_per_unit"):
        derive(stage, "growth", {})
    two_days = store.open_dataset(derive(stage, "growth", {"days_per_unit": 2.0})).snapshots()
    np.testing.assert_allclose(two_days.growth, 2 * by_day.growth)


def test_cell_numbers_mean_something_only_when_they_were_counted():
    id = stored()
    made = store.open_dataset(derive(id, "growth", {"from_genes": False, "use_cell_counts_as_mass": True}))
    assert made.snapshots().mass.tolist() == [60.0, 60.0, 60.0]
    assert "population sizes" in made.info.notes[-1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "0 of 100 genes of proliferation vary in these data and at least 5 are needed"),
        ({"from_genes": False}, "nothing is chosen"),
    ],
)
def test_growth_without_its_genes_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        derive(stored(), "growth", settings)


def test_a_chain_of_steps_can_be_walked_back():
    first = labelled_cells()
    second = derive(first, "subset", {"by": "label", "label": "kind", "values": "a\nb"})
    third = derive(derive(second, "clusters", {"resolution": 0.3}), "subset", {"by": "time", "last": 1.0})
    info = store.open_dataset(third).info
    assert [each["step"] for each in info.recipe] == ["subset", "clusters", "subset"]
    assert not any("added" in each for each in info.recipe) and info.annotations == ("kind", "Leiden 0.3")
    assert info.parent == second and store.open_dataset(info.parent).info.parent == first
    assert len(info.steps) == 3 and info.label == "drifting · some cells · some cells"
    assert info.recipe[0]["settings"]["values"] == "a\nb"


def test_a_demo_gives_a_data_set_of_ones_own_and_truth_stays_only_where_it_holds():
    id = demos.make("toggle")
    groups = store.open_dataset(derive(id, "clusters", {})).info
    assert groups.id == id and groups.truth == "toggle"
    assert store.open_dataset(derive(id, "subset", {"by": "time", "last": 2.0})).info.truth == ""


def test_layers_and_genes_follow_their_cells():
    rng = np.random.default_rng(0)
    spliced = rng.poisson(2.0, (180, 3)).astype(np.float32)
    id = store.save_dataset(
        dataclasses.replace(drifting(), labels={"kind": np.array(["a", "b", "c"] * 60)}),
        label="layers",
        origin="upload",
        source="f",
        expression=spliced * 2,
        expression_genes=("A", "B", "C"),
        layers={"spliced": spliced},
    )
    made = store.open_dataset(derive(id, "subset", {"by": "label", "label": "kind", "values": "b"}))
    np.testing.assert_array_equal(made.layer("spliced").table(), spliced[1::3])
    np.testing.assert_array_equal(made.expression("B"), spliced[1::3, 1] * 2)


def test_a_step_that_fails_leaves_nothing_behind(home: Path):
    id = stored()
    with pytest.raises(ValueError):
        derive(id, "growth", {})
    assert [each.name for each in (home / "data").iterdir() if not each.name.startswith(".trash")] == [id]
