"""State spaces against what is known: distances on a rolled sheet, expression behind counts, the order of a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from cellflow_core.data.preprocessing.reconstruction import compare
from cellflow_core.data.spaces import diffusion, geodesic, vae
from cellflow_core.data.spaces.pca import pca, principal

GENES = tuple(f"G{k}" for k in range(60))


def quiet(stage: str) -> None:
    """Nobody waits for these."""


def swiss_roll(cells: int = 600, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """(20 genes, place on the unrolled sheet). Arc length of r = angle: (a sqrt(1 + a^2) + asinh a) / 2."""
    rng = np.random.default_rng(0)
    angle, height = 1.5 * np.pi * (1 + 2 * rng.uniform(size=cells)), 20 * rng.uniform(size=cells)
    roll = np.stack([angle * np.cos(angle), angle * np.sin(angle), height], axis=1)
    along = (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle)) / 2
    return embedded(roll, rng, noise), np.stack([along, height], axis=1)


def arc(cells: int = 600, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """(20 genes, place) of cells along three quarters of a circle of radius 10."""
    rng = np.random.default_rng(1)
    angle = 1.5 * np.pi * rng.uniform(size=cells)
    return embedded(10 * np.stack([np.cos(angle), np.sin(angle)], axis=1), rng, noise), 10 * angle[:, None]


def embedded(points: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Points turned into 20 genes, with noise of this spread in each."""
    turn, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    return (points @ turn[: points.shape[1]] + noise * rng.normal(size=(len(points), 20))).astype(np.float32)


@pytest.mark.parametrize(
    ("curved", "at_least", "principal_at_most", "error"),
    [(swiss_roll, 0.9, 0.4, 1.2), (arc, 0.97, 0.94, 0.2)],
    ids=["swiss roll", "arc"],
)
def test_a_geodesic_space_knows_distances_along_the_cells_and_the_way_back(
    curved: Callable[[], tuple[np.ndarray, np.ndarray]], at_least: float, principal_at_most: float, error: float
) -> None:
    """With 800 of its 2,500 steps: correlation of distances 0.94 on the roll (principal components: 0.27) and 0.99 on
    the arc (0.92); genes of cells kept aside are missed by 0.85 and 0.11, where their spread is 2.5 and 2.1."""
    genes, place = curved()
    known = pdist(place)
    found = geodesic.fit(genes, GENES[:20], 2, 0, quiet, steps=800)
    straight, _ = pca(genes, GENES[:20], 2)
    ours, theirs = (float(np.corrcoef(pdist(each), known)[0, 1]) for each in (found.x, straight))
    assert ours > at_least and theirs < principal_at_most and ours > theirs
    read = compare(found.space, found.x, genes, found.held_out)
    assert not read.seen and float(np.sqrt(np.square(read.error).mean())) < error and read.kept > 0.75


def path(cells: int = 500, depth: float = 60.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(counts, log-normalised truth, place) of cells along one path: negative binomial with dispersion 2, 60 genes that
    come and go, about 60 counts a cell."""
    rng = np.random.default_rng(0)
    place = np.sort(rng.uniform(0, 1, cells))
    peak, base = rng.uniform(-0.1, 1.1, (1, 60)), rng.lognormal(0, 0.7, (1, 60))
    rate = base * (0.15 + np.exp(-(((place[:, None] - peak) / 0.2) ** 2)))
    share = rate / rate.sum(axis=1, keepdims=True)
    mean = depth * rng.lognormal(0, 0.4, (cells, 1)) * share
    counts = rng.negative_binomial(2.0, 2.0 / (2.0 + mean)).astype(np.float32)
    return counts, np.log1p(1e4 * share), place


def normalised(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(log(1 + counts to 10,000 a cell), total counts)."""
    totals = counts.sum(axis=1, dtype=np.float64)
    assert (totals > 0).all()
    return np.log1p(1e4 * counts / totals[:, None]).astype(np.float32), totals


def test_an_autoencoder_of_counts_recovers_expression_better_than_principal_components() -> None:
    """Mean correlation with the true expression over genes: 0.89, of as many principal components 0.82, of the
    measured values themselves 0.42."""
    counts, truth, _ = path()
    values, totals = normalised(counts)
    found = vae.fit(values, GENES, 4, 0, quiet, sparse.csr_matrix(counts), totals, steps=500)
    x, space = pca(values, GENES, found.space.dim)

    def agreement(of: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(of[:, k], truth[:, k])[0, 1] for k in range(60)]))

    learnt, linear = agreement(found.space.decode(found.x)), agreement(space.decode(x))
    assert learnt > 0.85 and learnt > linear + 0.03 and agreement(values) < linear


def in_order(axis: np.ndarray, place: np.ndarray) -> float:
    """Rank correlation without its sign."""
    found: Any = spearmanr(axis, place)
    return abs(float(found.statistic))


def test_a_diffusion_map_puts_cells_in_the_order_of_their_path() -> None:
    """Rank correlation of its first axis with the place on the path 0.95, of the first principal component 0.87."""
    counts, _, place = path()
    values, _ = normalised(counts)
    x, _ = diffusion.coordinates(principal(values, GENES, 50).state, 3)
    first, principal_first = (in_order(each[:, 0], place) for each in (x, pca(values, GENES, 2)[0]))
    assert first > 0.93 and first > principal_first


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pca", "diffusion", "vae", "geodesic"])
def test_every_space_of_measured_cells_keeps_some_of_their_genes(shared, kind: str, capsys: Any) -> None:
    """100 genes of 456 differentiating cells (Hayashi et al. 2018) in 8 axes; what is kept is printed."""
    cells = anndata.read_h5ad(shared / "scode_mes_pe" / "mes_pe_456x100.h5ad")
    values = np.asarray(cells.X, dtype=np.float32)
    genes = tuple(map(str, cells.var_names))
    if kind == "pca":
        x, space = pca(values, genes, 8)
        read = compare(space, x, values)
    else:
        fit = {"diffusion": diffusion.fit, "vae": vae.fit, "geodesic": geodesic.fit}[kind]
        found = fit(values, genes, 8, 0, quiet)
        read = compare(found.space, found.x, values, found.aside)
    with capsys.disabled():
        print(f"\n{kind}: {read.kept:.0%} of the variance of {len(genes)} genes kept in {read.cells} cells")
    assert 0 < read.kept < 1 and read.seen is (kind == "pca")
    assert (read.share[np.isfinite(read.share)] > 0).mean() > 0.5
