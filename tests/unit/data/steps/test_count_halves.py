"""Whether velocities recur in the other half of the counts: where genes change, and where nothing does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

from cellflow_core.data.preprocessing.count_halves import _thinned, halves_agreement
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.simulators.registry import create


def layers(name: str, sparse: bool = False, **settings) -> SplicingLayers:
    process = create(name, {"cells_per_time": 400, **settings})
    held = process.layers()
    kind = csc_array if sparse else np.asarray
    return SplicingLayers(kind(held["unspliced"]), kind(held["spliced"]), process.axes)


@pytest.mark.parametrize("sparse", [True, False])
def test_changing_genes_recur_in_the_other_half(sparse: bool):
    data = layers("splicing-bifurcation", sparse)
    found = halves_agreement(data, data.genes, 10, 20)
    assert np.median(found.cosine) > 0.6 and (found.chance < 0.05).mean() > 0.7


@pytest.mark.parametrize("groups", [1, 3])
def test_an_unchanging_population_gives_no_more_than_chance(groups: int):
    data = layers("unchanging-population", groups=groups)
    found = halves_agreement(data, data.genes, 10, 20)
    assert abs(np.median(found.cosine)) < 0.3
    assert ((found.chance < 0.05) & (found.cosine >= 0.5)).mean() <= 0.05


def test_halves_add_up_and_share_the_counts():
    counts = np.random.default_rng(0).poisson(10.0, (300, 4)).astype(np.float32)
    a, b = _thinned(csc_array(counts), np.random.default_rng(1))
    np.testing.assert_array_equal(a.toarray() + b.toarray(), counts)
    assert a.sum() == pytest.approx(counts.sum() / 2, rel=0.02)
    assert abs(np.corrcoef(a.toarray().ravel(), b.toarray().ravel())[0, 1]) < 0.06
