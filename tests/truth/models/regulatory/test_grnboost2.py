"""Boosted trees find regulators, curved ones too, and next to nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.math.network_scores import candidate_edges, network_scores
from tests.truth.models.regulatory.regulated import cells, influence

pytestmark = pytest.mark.truth
REGULATORS = ("r1", "r2", "r3", "r4")
GENES = (*REGULATORS, "sum", "hump", "noise")


def known(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(400 cells, signed network): r1 and r2 add up with opposite signs, a gene is on where r3 is near its mean."""
    rng = np.random.default_rng(seed)
    r = rng.normal(size=(400, 4))
    x = np.column_stack([r, r[:, 0] - r[:, 1], np.exp(-2 * r[:, 2] ** 2), rng.normal(size=400)])
    x[:, 4:6] += 0.2 * rng.normal(size=(400, 2)) * x[:, 4:6].std(axis=0)
    truth = np.zeros((7, 7))
    truth[4, 0], truth[4, 1], truth[5, 2] = 1, -1, 1
    return x, truth


@pytest.mark.parametrize("seed", [0, 1])
def test_regulators_are_found_also_where_no_correlation_is(seed):
    """AUPRC 1 among four regulators, where the correlation has less; the signs of the sum are right."""
    x, truth = known(seed)
    data, where = cells(x, GENES), candidate_edges(GENES, REGULATORS)
    found = influence("grnboost2", data, regulators=", ".join((*REGULATORS, "unknown")))
    assert network_scores(found, truth, where).auprc == 1
    assert network_scores(influence("correlation", data), truth, where).auprc < 0.95
    assert found[4, 0] > 0 > found[4, 1]
    assert (found[:, 4:] == 0).all() and (np.diag(found) == 0).all()


def test_a_gene_of_its_own_gets_few_trees():
    """Influences of a gene that nothing regulates stay below a tenth of a true one."""
    x, _ = known(2)
    found = np.abs(influence("grnboost2", cells(x, GENES), regulators=",".join(REGULATORS)))
    assert found[6].max() < found[4, :2].min() / 10


def test_the_seed_decides():
    x, _ = known(3)
    one, same, other = (influence("grnboost2", cells(x, GENES), seed, most_trees=60) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_regulators_must_be_genes():
    with pytest.raises(ValueError, match="none of the 1 regulators"):
        influence("grnboost2", cells(known(0)[0], GENES), regulators="unknown")
