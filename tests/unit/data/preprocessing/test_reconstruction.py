"""How well genes are read back from a state: the numbers, on which cells, and where they are kept."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from cellflow_core.data.preprocessing import reconstruction
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.fitting import held_out_cells
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.store import Dataset, open_dataset, save_dataset
from cellflow_core.data.store.dataset import DamagedDatasetError
from cellflow_core.figures.data import reconstruction as figures
from tests.unit.data.steps.test_change_state_space import GENES, quick, stored  # noqa: F401 - a fixture

RNG = np.random.default_rng(0)
NAMES = tuple("ABCDEFGH")


def values(cells: int = 400) -> np.ndarray:
    made = RNG.normal(size=(cells, 8)) @ np.diag([3, 2, 1, 1, 0.5, 0.5, 0.1, 0])
    return (made + np.arange(8)).astype(np.float32)


def held(id: str) -> reconstruction.Reconstruction:
    found = reconstruction.stored(open_dataset(id))
    assert found is not None
    return found


def test_all_components_give_every_gene_back_and_fewer_give_what_a_truncated_svd_gives():
    table = values()
    x, space = pca(table, NAMES, 8)
    whole = reconstruction.compare(space, x, table)
    assert whole.error.max() < 1e-4 and whole.kept == pytest.approx(1, abs=1e-6) and whole.seen
    assert np.isnan(whole.share[7]) and (whole.share[:7] > 1 - 1e-5).all()  # the last gene is the same in every cell
    x, space = pca(table, NAMES, 3)
    found = reconstruction.compare(space, x, table)
    center = table.mean(axis=0, dtype=float)
    u, s, vt = np.linalg.svd(table - center, full_matrices=False)
    truncated = center + (u[:, :3] * s[:3]) @ vt[:3]
    np.testing.assert_allclose(found.error, np.sqrt(np.square(truncated - table).mean(axis=0)), atol=1e-4)
    np.testing.assert_allclose(found.usual[:7], table.std(axis=0)[:7], rtol=1e-5)
    assert found.kept == pytest.approx((s[:3] ** 2).sum() / (s**2).sum(), abs=1e-5)


def test_cells_kept_aside_are_held_against_the_mean_of_the_others():
    table, left_out = values(), np.arange(400) % 4 == 0
    x, space = pca(table[~left_out], NAMES, 3)
    states = space.encode(table)
    found = reconstruction.compare(space, states.astype(np.float32), sparse.csr_matrix(table), left_out)
    others = table[~left_out].mean(axis=0)
    np.testing.assert_allclose(
        found.usual[:7], np.sqrt(np.square(table[left_out] - others).mean(axis=0))[:7], rtol=1e-4
    )
    assert found.cells == 100 and not found.seen and len(x) == 300
    with pytest.raises(ValueError, match="0 cells"):
        reconstruction.compare(space, states.astype(np.float32), table, np.zeros(400, bool))


def test_a_space_that_knows_nothing_is_no_better_than_the_mean_and_a_wrong_one_is_worse():
    table = values()
    x, space = pca(table, NAMES, 2)
    lost = reconstruction.compare(space, np.zeros_like(x), table)
    np.testing.assert_allclose(lost.share[:7], 0, atol=1e-5)
    assert reconstruction.compare(space, -x, table).kept < 0


def test_genes_as_axes_lose_nothing():
    table = values()
    found = reconstruction.compare(AffineSpace.of_genes(NAMES), table, table)
    assert (found.error == 0).all() and found.kept == 1


@pytest.mark.parametrize("kind", ["vae", "geodesic", "diffusion"])
def test_a_learnt_space_is_measured_on_cells_it_was_not_learnt_from(kind):
    found = held(derive(stored(), "state", {"representation": kind, "axes": 3, "seed": 5}))
    assert found.genes == GENES and not found.seen and found.cells == int(held_out_cells(240, 5).sum()) == 24
    assert np.isfinite(found.error).all()


def test_cells_kept_aside_change_nothing_that_is_learnt():
    """Noise in the cells kept aside leaves the networks of an autoencoder as they are, but for when it stops."""
    from cellflow_core.data.spaces import geodesic

    rng = np.random.default_rng(1)
    table = rng.normal(size=(60, 6)).astype(np.float32)
    left_out = held_out_cells(60, 0)
    other = table.copy()
    other[left_out] = other[left_out][::-1]
    genes = NAMES[:6]
    spaces = [geodesic.Scores.of(each, genes, left_out).space for each in (table, other)]
    for a, b in zip(spaces[0].arrays().values(), spaces[1].arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_follows_the_space_and_is_measured_once(monkeypatch):
    parent = derive(stored(), "state", {"representation": "pca", "axes": 4})
    assert held(parent).seen and held(parent).cells == 240
    part = derive(parent, "subset", {"by": "time", "first": 0.0, "last": 1.0})
    assert held(part).cells == 240  # the space is the same, and so is what it keeps
    np.testing.assert_array_equal(held(part).error, held(parent).error)
    assert open_dataset(parent).variance() is not None

    imported = stored()
    assert reconstruction.stored(open_dataset(imported)) is None
    reconstruction.add_reconstruction(imported)
    found = held(imported)
    assert found.genes == GENES and found.kept > 0.1
    monkeypatch.setattr(reconstruction, "compare", lambda *a: pytest.fail("it was measured again"))
    reconstruction.add_reconstruction(imported)


def test_what_cannot_be_compared_is_said():
    rng = np.random.default_rng(0)
    bare = Snapshots(rng.normal(size=(30, 2)), np.zeros(30), AffineSpace.coordinates(("a", "b")))
    id = save_dataset(bare, label="map", origin="upload", source="made")
    with pytest.raises(ValueError, match="without genes"):
        reconstruction.add_reconstruction(id)
    x, space = pca(rng.normal(size=(30, 5)), tuple("ABCDE"), 2)
    id = save_dataset(dataclasses.replace(bare, x=x, space=space), label="bare", origin="upload", source="made")
    with pytest.raises(ValueError, match="measured values"):
        reconstruction.add_reconstruction(id)


def test_a_damaged_file_is_one_sentence():
    opened: Dataset = open_dataset(derive(stored(), "state", {"representation": "pca", "axes": 4}))
    (opened.folder / "reconstruction.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(DamagedDatasetError, match=r"reconstruction\.npz"):
        reconstruction.stored(opened)


def test_the_picture_sorts_names_escapes_and_says_its_numbers():
    share = np.array([0.9, np.nan, -3.0, 0.2])
    names = ("<b>Gata1</b>", "flat", "low", "x" * 200)
    drawn: Any = figures.reconstruction(names, share, chosen="low")
    cells = drawn.data[0]
    assert cells.y.tolist() == pytest.approx([90, 20, -50])
    assert cells.text[0] == "&lt;b&gt;Gata1&lt;/b&gt;" and cells.customdata[-1] == pytest.approx(-300)
    assert drawn.data[1].x == (3,) and drawn.data[1].name == "low"
    assert not any("<b>" in str(each.text) for each in drawn.layout.annotations)
    message = figures.describe(names, share)
    assert "3 genes" in message and "least of low (-300%)" in message and "1 genes below -50%" in message
    empty: Any = figures.reconstruction(names, np.full(4, np.nan))
    assert empty.data[0].y.size == 0
    assert figures.describe(names, np.full(4, np.nan)) == "No gene differs between the cells compared."
