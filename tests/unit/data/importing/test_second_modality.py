"""A second modality becomes axes of its own in the way of its kind, and comes with the cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import pairwise_distances

from cellflow_core.data.importing import second_modality
from cellflow_core.data.readers import InvalidInputError

rng = np.random.default_rng(2)


def test_counts_of_antibodies_are_centred_log_ratios() -> None:
    """Against the definition: log((1 + x) / geometric mean of (1 + x)); a cell read twice as deep hardly moves."""
    counts = rng.poisson(400, size=(50, 12)) * rng.integers(0, 2, size=(50, 12))
    found, words = second_modality.axes(csr_matrix(counts), "ADT")
    expected = np.log((1 + counts) / np.exp(np.log(1 + counts).mean(axis=1, keepdims=True)))
    assert "centred log-ratios" in words and np.allclose(found, expected, atol=1e-5) and found.dtype == np.float32
    full = 400 + counts
    deep = second_modality.axes(np.concatenate([full, 2 * full]), "ADT")[0]
    assert np.abs(deep[:50] - deep[50:]).max() < 0.01


def test_counts_of_chromatin_are_latent_semantic_components() -> None:
    """Against a dense singular value decomposition; kinds of cells are told apart and depth is not."""
    kind, depth = np.resize([0, 1, 2], 120), np.exp(rng.normal(size=120))
    open_in = rng.random((3, 1500)) < 0.1
    counts = rng.poisson(0.3 * depth[:, None] * np.where(open_in[kind], 1.0, 0.05))
    found, words = second_modality.axes(csr_matrix(counts), "ATAC")
    weighed = np.log1p(
        1e4 * counts / np.maximum(counts.sum(1, keepdims=True), 1) * 120 / np.maximum((counts > 0).sum(0), 1)
    )
    left, size, _ = np.linalg.svd(weighed, full_matrices=False)
    expected = (left * size)[:, 1 : second_modality.AXES + 1]
    assert "latent semantic" in words and found.shape == (120, second_modality.AXES)
    assert np.allclose(np.abs(found), np.abs(expected), atol=1e-3 * size[1])
    two = found[:, :2]
    alike = pairwise_distances(two)
    same = kind[:, None] == kind
    assert alike[same].mean() < 0.5 * alike[~same].mean()
    assert np.abs(np.corrcoef(np.log(depth), two.T)[0, 1:]).max() < 0.3


def test_other_values_stay_and_many_columns_become_their_leading_components() -> None:
    values = rng.normal(size=(40, 5))
    found, words = second_modality.axes(values, "lsi")
    assert np.allclose(found, values, atol=1e-6) and words == "values as they stand in the file"
    on_off = (values > 0).astype(float)
    assert (second_modality.axes(csr_matrix(on_off), "sites")[0] == on_off).all()
    wide = np.abs(rng.normal(size=(60, 4)) @ rng.normal(size=(4, 300)))
    for table in (wide, csr_matrix(wide)):
        found, _ = second_modality.axes(table, "scores")
        assert found.shape == (60, second_modality.AXES)
        assert np.allclose(pairwise_distances(found), pairwise_distances(wide), rtol=0.15)


def test_the_picture_shows_the_two_leading_components() -> None:
    values = np.random.default_rng(0).normal(size=(200, 6)) * [1, 5, 1, 1, 20, 1]
    found = second_modality.picture(values)
    assert np.abs(np.corrcoef(found.T, values[:, [4, 1]].T)[[0, 1], [2, 3]]).min() > 0.95
    flat = second_modality.picture(values[:, :1])
    assert flat.shape == (200, 2) and (flat[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            np.array([[1.0, np.nan], [2.0, 3.0]]),
            "1 of 2 cells hold a missing or infinite value of the second modality 'ADT'",
        ),
        (csr_matrix((5, 3)), "the second modality 'ADT' is the same in every cell"),
    ],
)
def test_what_is_no_modality_is_told(values, words) -> None:
    with pytest.raises(InvalidInputError, match=words):
        second_modality.axes(values, "ADT")
