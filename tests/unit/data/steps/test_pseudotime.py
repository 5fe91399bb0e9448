"""An order of cells by likeness, against orders that are known."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.stats import spearmanr

from cellflow_core.data import store
from cellflow_core.data.readers import read
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.pseudotime import order_from
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.math.neighbors import neighbor_graph
from cellflow_core.math.polygon import format_polygon
from cellflow_core.math.pseudotime import palantir
from cellflow_core.math.pseudotime.diffusion import diffusion_order, diffusion_scales
from tests.toys import finished, recipe

METHODS = ("diffusion", "palantir")


def quiet(stage: str) -> None:
    pass


def curve(cells: int = 600, noise: float = 0.15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cells [cells, 10] along a curve in ten dimensions, and their place on it, 0 to 1."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 1, cells)
    x = np.stack([np.cos(4 * place), np.sin(4 * place), *(np.sin((k + 1) * place) for k in range(8))], axis=1)
    return (x + noise * rng.standard_normal(x.shape)).astype(np.float32), place


def snapshot(x: np.ndarray, **rest) -> str:
    """A stored data set of one moment with gene G0 falling along the curve."""
    genes = tuple(f"G{k}" for k in range(x.shape[1]))
    data = Snapshots(x, np.zeros(len(x)), AffineSpace.of_genes(genes), **rest)
    return store.save_dataset(data, label="one moment", origin="upload", source="made here")


@pytest.mark.truth
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_a_known_order_is_found(method, noise):
    x, place = curve(noise=noise)
    order = order_from(x, neighbor_graph(x), int(place.argmin()), method, 200, 0, quiet)
    assert order.min() == 0 and order.max() == 1
    assert spearmanr(order, place)[0] >= 0.95


def test_cells_of_an_outline_or_a_marker_are_the_first_group_of_a_model():
    """The earliest cells by a marker are early by at least 9 in 10; the same ones begin the order of a model."""
    x, place = curve(noise=0.05)
    id = snapshot(x)
    marker = int(np.argmin([np.corrcoef(each, place)[0, 1] for each in x.T]))
    assert derive(id, "named-cells", {"by": "gene", "gene": f"G{marker}"}) == id
    points = store.open_dataset(id).embedding("pca")
    corner = points[place.argmax()] + 0.3 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    derive(id, "named-cells", {"outline": format_polygon(corner), "value": "last", "name": "end"})
    data = store.open_dataset(id).snapshots()
    first, last = data.labels["first cells"] == "first", data.labels["end"] == "last"
    assert first.sum() == 30 and (place[first] < 0.3).mean() > 0.9 and place[last].mean() > 0.8
    assert store.open_dataset(id).info.steps[-2].startswith("Named 30 cells with the highest smoothed expression of G")
    settings = {"start": "first", "start_annotation": "first cells"}
    known = store.open_dataset(id).info.fingerprint_for(settings)
    made = finished(recipe(id, model="dpt", settings=settings, training={}, fingerprint=known))
    assert spearmanr(answer("latent_time", made.id).value, place)[0] > 0.95
    for settings, words in (
        ({"value": " "}, "need a name"),
        ({"name": "end"}, "already"),
        ({"by": "gene", "name": "other"}, "no marker"),
    ):
        with pytest.raises(ValueError, match=words):
            derive(id, "named-cells", settings)


@pytest.mark.truth
@pytest.mark.parametrize("method", METHODS)
def test_a_branching_order_is_found(method):
    """Both arms are as far from the root as they are long, although they end apart."""
    rng = np.random.default_rng(1)
    place, arm = rng.uniform(0, 1, 900), rng.integers(0, 2, 900)
    side = np.where(arm == 1, 1.0, -1.0) * np.maximum(place - 0.4, 0) * 3
    x = np.stack([4 * place, side, *(np.zeros(900) for _ in range(6))], axis=1) + 0.1 * rng.standard_normal((900, 8))
    order = order_from(x.astype(np.float32), neighbor_graph(x), int(place.argmin()), method, 300, 0, quiet)
    for each in (0, 1):
        assert spearmanr(order[arm == each], place[arm == each])[0] >= 0.95


def test_diffusion_is_that_of_scanpy_where_scanpy_sees_one_island():
    import scanpy as sc

    x, place = curve(noise=0.3)
    found, root = neighbor_graph(x), int(place.argmin())
    cells = found.annotated(x)
    sc.tl.diffmap(cells, n_comps=15, random_state=0)
    assert cells.uns["diffmap_evals"][1] < 0.9994
    cells.uns["iroot"] = root
    sc.tl.dpt(cells, n_dcs=15)
    order = diffusion_order(diffusion_scales(x, found), root)
    np.testing.assert_allclose(order, cells.obs["dpt_pseudotime"], atol=2e-3)


@pytest.mark.truth
@pytest.mark.parametrize("method", METHODS)
def test_the_steps_of_krumsiek_are_found_in_each_run(method):
    """Four runs of the circuit; the order of a run is its step, until it has come to rest."""
    import scanpy as sc

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Observation names are not unique", category=UserWarning)
        cells = sc.datasets.krumsiek11()
    x, step = np.asarray(cells.X, dtype=np.float32), np.array([int(each) for each in cells.obs_names])
    order = order_from(x, neighbor_graph(x), 0, method, 300, 0, quiet)
    for run in range(4):
        there = slice(160 * run, 160 * run + 80)
        seen = np.isfinite(order[there])
        assert seen.mean() > 0.9
        assert spearmanr(order[there][seen], step[there][seen])[0] >= 0.95


@pytest.mark.truth
@pytest.mark.slow
@pytest.mark.parametrize(("method", "least"), [("diffusion", 0.92), ("palantir", 0.95)])
def test_the_true_time_of_dyngen_is_found(shared, method, least):
    """1,000 simulated cells of a bifurcation; Spearman with the true time: diffusion 0.957, Palantir 0.975."""
    import anndata
    import scanpy as sc

    path = shared / "dyngen_bifurcating" / "bifurcating_1000x250.h5ad"
    table = read(path, path.name)
    cells = anndata.AnnData(table.x.astype(np.float32))
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    sc.pp.pca(cells, n_comps=30, random_state=0)
    x, time = np.asarray(cells.obsm["X_pca"]), table.obs["global_time"].to_numpy(float)
    order = order_from(x, neighbor_graph(x), int(time.argmin()), method, 500, 0, quiet)
    assert spearmanr(order, time)[0] >= least


@pytest.mark.parametrize("root", ["gene", "label", "outline"])
def test_the_beginning_is_chosen_in_three_ways(root):
    x, place = curve()
    part = np.array(["early", "middle", "late"])[np.digitize(place, [0.1, 0.6])]
    id = snapshot(x, labels={"part": part})
    view = store.open_dataset(id).embedding("pca")[place < 0.05]
    low, high = view.min(axis=0), view.max(axis=0)
    box = format_polygon(np.array([low, (high[0], low[1]), high, (low[0], high[1])]))
    settings = {
        "gene": {"gene": "G0"},
        "label": {"label": "part", "values": "early"},
        "outline": {"outline": box, "view": "pca"},
    }[root]
    made = store.open_dataset(derive(id, "pseudotime", {"root": root, "windows": 4, **settings}))
    order = made.snapshots().covariates["pseudotime"]
    assert spearmanr(order, place)[0] > (0.9 if root != "gene" else 0.8)
    info = made.info
    assert len(info.times) == 4 and info.counts == (150,) * 4 and info.time_unit == "pseudotime"
    assert info.covariates == ("pseudotime",) and info.parent == id and "times" in " ".join(info.has)
    assert info.recipe[-1]["step"] == "pseudotime" and info.recipe[-1]["settings"]["windows"] == 4
    assert "ordered 600 cells" in info.steps[-1].lower() and "no unit and no speed" in info.notes[-1]
    assert info.label == "one moment · pseudotime (diffusion)"


@pytest.mark.parametrize("method", METHODS)
def test_islands_are_told_and_left_out(method):
    x, place = curve(300)
    far = np.random.default_rng(0).normal(50, 0.1, (40, 10)).astype(np.float32)
    part = np.array(["early", "rest"])[(place > 0.1).astype(int)]
    id = snapshot(np.concatenate([x, far]), labels={"part": np.concatenate([part, ["island"] * 40])})
    settings = {"root": "label", "label": "part", "method": method, "waypoints": 100}
    info = store.open_dataset(derive(id, "pseudotime", {**settings, "values": "early"})).info
    assert info.cells == 300 and "left out 40 cells" in info.steps[-1]
    assert "40 of 340 cells are not in the order" in info.notes[-1]
    island = store.open_dataset(derive(id, "pseudotime", {**settings, "values": "island"})).info
    assert island.cells == 40


def test_what_is_per_measured_time_does_not_survive_and_the_measured_time_is_kept():
    x, place = curve(200)
    data = Snapshots(
        x,
        np.where(place < 0.5, 0.0, 2.0),
        AffineSpace.of_genes(tuple(f"G{k}" for k in range(10))),
        "day",
        mass=np.array([1.0, 3.0]),
        growth=np.ones(200),
    )
    id = store.save_dataset(data, label="two days", origin="upload", source="f")
    made = store.open_dataset(derive(id, "pseudotime", {"root": "gene", "gene": "G0"})).snapshots()
    assert made.mass is None and made.growth is None
    np.testing.assert_array_equal(made.covariates["measured time (day)"], data.t)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"root": "gene"}, "no marker gene is chosen"),
        ({"root": "gene", "gene": "Nope"}, "no measured values of gene 'Nope'"),
        ({"root": "label", "label": "nope", "values": "a"}, "no annotation 'nope'; they have none"),
        ({"root": "outline"}, "no outline is drawn"),
        ({"root": "outline", "outline": "90,90 91,90 91,91"}, "no cell inside the outline"),
        ({"root": "outline", "outline": "0,0 1,1 1,0", "view": "tsne"}, "no view 'tsne'"),
        ({"root": "gene", "gene": "G0", "windows": 40}, "at least 5 are needed"),
        ({"root": "gene", "gene": "G0", "windows": 1}, "Number of time bins must be a whole number from 2 to "),
    ],
)
def test_what_cannot_be_ordered_is_one_sentence(settings, sentence):
    id = snapshot(curve(120)[0])
    with pytest.raises((ValueError, KeyError)) as printed:
        derive(id, "pseudotime", settings)
    assert sentence in str(printed.value)
    assert len(store.datasets()) == 1


def test_palantir_repeats_and_takes_equal_cells():
    x, place = curve(200)
    x[:30] = x[0]
    found = neighbor_graph(x)
    once, again = (palantir.pseudotime(found.distances, int(place.argmin()), 50, seed=3) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert np.isfinite(once).all()


def test_a_snapshot_keeps_its_graph_and_views():
    x, _ = curve(120)
    id = snapshot(x)
    store.add_view(id, "umap", x[:, :2].copy())
    made = store.open_dataset(derive(id, "pseudotime", {"root": "gene", "gene": "G0"}))
    np.testing.assert_array_equal(made.embedding("umap"), x[:, :2])
    assert (made.folder / "graph.npz").exists()
    assert dataclasses.asdict(made.info)["truth"] == ""
