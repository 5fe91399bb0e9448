"""Other axes for the same cells: what each representation keeps, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces import diffusion, geodesic, vae
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.counts import recover_counts
from cellflow_core.data.spaces.genes import named
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.store import Dataset, open_dataset, save_dataset

GENES = (*(f"Gene{k}" for k in range(38)), "<b>bad</b>", "gene 39")


def counted(cells: int = 240, seed: int = 0) -> tuple[Any, Any, np.ndarray]:
    """(log-normalised values, counts, totals) of cells along one bent line; 40 genes, and others that are not kept."""
    rng = np.random.default_rng(seed)
    s = np.linspace(0, 1, cells)[:, None]
    peak, width = rng.uniform(0, 1, (1, 40)), 0.25
    rate = 4 * np.exp(-((s - peak) ** 2) / width**2) + 0.2
    counts = rng.poisson(rate * rng.uniform(0.7, 1.4, (cells, 1)))
    totals = counts.sum(axis=1) + rng.poisson(100, cells)
    values = np.log1p(1e4 * counts / totals[:, None]).astype(np.float32)
    return sparse.csr_array(values), sparse.csr_array(counts), totals.astype(float)


def stored(**change: Any) -> str:
    values, _, totals = counted()
    x, space = pca(values, GENES, 5)
    t = np.repeat([0.0, 1.0, 2.0], 80)
    data = Snapshots(x, t, space, "day", velocity=0.1 * x, covariates={"total counts": totals}, **change)
    return save_dataset(data, label="line", origin="upload", source="made", expression=values, expression_genes=GENES)


def derived(**settings: Any) -> Dataset:
    return open_dataset(derive(stored(), "state", settings))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A few training steps are enough to see whether all is wired."""
    for module in (diffusion, vae, geodesic):
        fit = module.fit
        monkeypatch.setattr(module, "fit", lambda *a, _fit=fit, **k: _fit(*a, **{**k, "steps": 60}))


@pytest.mark.parametrize("kind", ["pca", "diffusion", "vae", "geodesic"])
def test_each_representation_makes_a_data_set_whose_genes_are_still_there(kind):
    made = derived(representation=kind, axes=3)
    data = made.snapshots()
    assert made.info.space == data.space.kind == kind
    assert data.x.shape[0] == 240 and 2 <= data.dim <= 3 and np.isfinite(data.x).all()
    assert data.space.genes == GENES and "genes" in str(made.info.steps[-1])
    assert made.info.recipe[-1]["step"] == "state" and made.info.fingerprint == data.fingerprint
    assert len(made.expression("gene 39")) == 240
    back = data.space.encode(data.space.decode(data.x))
    assert back.shape == data.x.shape and np.isfinite(back).all()
    if kind in ("vae", "geodesic"):
        np.testing.assert_allclose(data.space.encode(made.measured.table().toarray()), data.x, atol=1e-4)


@pytest.mark.parametrize("kind", ["diffusion", "vae", "geodesic"])
def test_the_same_seed_gives_the_same_space_and_another_another(kind):
    prints = [derived(representation=kind, axes=3, seed=seed).info.fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_genes_as_axes_by_name_and_by_number():
    by_name = derived(representation="genes", genes="<B>bad</B>, gene 39\nGene3 Gene1").snapshots()
    assert by_name.space.axes == ("<b>bad</b>", "gene 39", "Gene3", "Gene1")
    assert derived(representation="genes", axes=6).snapshots().dim == 6
    with pytest.raises(KeyError, match="'Nanog'.*40 genes"):
        derived(representation="genes", genes="Nanog Gene3")
    with pytest.raises(ValueError, match="one gene"):
        derived(representation="genes", genes="Gene3")


def test_names_are_found_as_people_paste_them():
    assert named("Sox2;sox2\tGATA1", ("Sox2", "Gata1", "a b")) == ("Sox2", "Gata1")
    assert named(" a b ,Sox2", ("Sox2", "a b")) == ("a b", "Sox2")
    with pytest.raises(KeyError, match="'sox2' not among"):
        named("sox2", ("SOX2", "Sox2"))


def test_a_velocity_goes_along_where_it_can():
    same = derived(representation="pca", axes=5).snapshots()
    assert same.velocity is not None
    np.testing.assert_allclose(same.velocity, 0.1 * same.x, atol=1e-4)
    genes = derived(representation="genes", genes="Gene1 Gene2")
    assert genes.snapshots().velocity is not None
    curved = derived(representation="geodesic", axes=2)
    assert curved.snapshots().velocity is None and any("velocity was left out" in each for each in curved.info.notes)


def test_counts_come_back_from_logarithms():
    values, counts, totals = counted()
    found = recover_counts(values, totals)
    np.testing.assert_array_equal(found.toarray(), counts.toarray())
    assert recover_counts(values * 1.3, totals) is None
    assert recover_counts(values, np.where(totals > 150, totals, np.nan)) is None


def test_the_autoencoder_says_which_law_it_took():
    counting = derived(representation="vae", axes=3)
    space = counting.snapshots().space
    assert isinstance(space, NeuralSpace) and space.output == "rate" and "negative binomial" in counting.info.steps[-1]
    assert (
        DataRequirement.COUNTS in counting.snapshots().has
        and space.dispersion.shape == (40,)
        and (space.dispersion > 0).all()
    )
    values, _, _ = counted()
    x, space = pca(values, GENES, 5)
    plain = Snapshots(x, np.repeat([0.0, 1.0, 2.0], 80), space)
    id = save_dataset(plain, label="p", origin="upload", source="", expression=values, expression_genes=GENES)
    made = open_dataset(derive(id, "state", {"representation": "vae", "axes": 3}))
    space = made.snapshots().space
    assert isinstance(space, NeuralSpace) and space.output == "linear" and not space.has_count_model
    assert any("took the values to be Gaussian" in each for each in made.info.notes)
    id = save_dataset(
        plain, label="p", origin="upload", source="", expression=values, expression_genes=GENES,
        layers={"counts": counted()[1]},
    )  # fmt: skip
    assert "negative binomial" in open_dataset(derive(id, "state", {"representation": "vae"})).info.steps[-1]


def test_axes_that_are_genes_can_be_changed_and_stay_readable():
    rng = np.random.default_rng(0)
    data = Snapshots(rng.normal(size=(60, 4)), np.repeat([0.0, 1.0], 30), AffineSpace.of_genes(tuple("ABCD")))
    id = save_dataset(data, label="genes", origin="upload", source="made")
    made = open_dataset(derive(id, "state", {"representation": "pca", "axes": 2}))
    np.testing.assert_allclose(made.expression("C"), data.x[:, 2])


def test_cells_without_genes_are_refused():
    data = Snapshots(np.zeros((30, 2)) + np.arange(30)[:, None], np.zeros(30), AffineSpace.coordinates(("a", "b")))
    id = save_dataset(data, label="map", origin="upload", source="made")
    with pytest.raises(ValueError, match="gene expression"):
        derive(id, "state", {})
