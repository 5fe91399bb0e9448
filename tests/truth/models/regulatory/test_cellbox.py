"""Steady responses to perturbations of a known network. Each test states its error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.truth.models.regulatory.simulated import trained

pytestmark = pytest.mark.truth
NODES = ("a", "b", "c", "viability", "drug 1", "drug 2", "drug 3")
DRUGS = NODES[4:]
TRUTH = np.zeros((7, 7))
TRUTH[0, 4], TRUTH[1, 5], TRUTH[2, 6] = 1.5, 1.5, -1.5  # what each drug acts on
TRUTH[1, 0], TRUTH[2, 1], TRUTH[3, 1], TRUTH[3, 2] = 1.2, -1.2, 1.0, 1.5


def steady(p: np.ndarray) -> np.ndarray:
    """Levels at rest of dx/dt = tanh(W x + p) - x under perturbations p [samples, nodes]."""
    x = np.zeros_like(p)
    for _ in range(400):
        x += 0.1 * (np.tanh(x @ TRUTH.T + p) - x)
    return x


def designs(pairs: bool) -> np.ndarray:
    """Single drugs at two strengths, or pairs of them."""
    p = []
    for i in range(4, 7):
        for j in range(4, 7) if pairs else (i,):
            for first in (-0.5, -1.0):
                if i <= j and (i != j or not pairs):
                    one = np.zeros(7)
                    one[i] = one[j] = first
                    p.append(one)
    return np.array(p)


def samples(x: np.ndarray, p: np.ndarray) -> Snapshots:
    design = {each: p[:, NODES.index(each)] for each in DRUGS}
    return Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(NODES), perturbation=design)


@pytest.fixture(scope="module")
def fitted():
    p = np.repeat(designs(pairs=False), 3, axis=0)
    return trained("cellbox", samples(steady(p), p), training={"validation_fraction": 0.0}, phenotypes="viability")


def responses(model, p: np.ndarray) -> np.ndarray:
    return np.stack([model.response(dict(zip(NODES, row, strict=True))).numpy() for row in p])


def test_pairs_of_drugs_are_predicted_from_single_ones(fitted):
    """Root mean square error below 0.08 where levels are up to 1; that of added single responses is larger."""
    p = designs(pairs=True)
    error = np.sqrt(np.square(responses(fitted, p) - steady(p)).mean())
    alone = sum(steady(np.where(np.arange(7) == k, p, 0.0)) for k in range(4, 7))
    assert error < 0.08 and error < np.sqrt(np.square(alone - steady(p)).mean())


def test_edges_are_where_the_data_and_the_user_allow_them(fitted):
    found = fitted.network().numpy()
    assert (found[4:] == 0).all() and (found[:, 3] == 0).all() and (found[3, 4:] == 0).all()
    assert (np.diag(found) == 0).all()
    assert found[0, 4] > 0.5 and found[1, 5] > 0.5 and found[2, 6] < -0.5  # signs of what drugs act on
    with pytest.raises(KeyError, match="no group"):
        fitted.network("a")


def test_a_drug_that_is_held_at_its_level_gives_the_same_response(fitted):
    """The way of the Perturb page, by holding the node of the drug: within 0.05 of the response to its strength."""
    p = designs(pairs=False)[:1]
    level = float(responses(fitted, p)[0, 4])
    data = samples(steady(p), p)
    start = np.zeros((1, 7), np.float32)
    held = simulate(clamped(fitted, data, {"drug 1": level}), start, [0.0, 10.0], seed=0).x[-1]
    np.testing.assert_allclose(held, responses(fitted, p), atol=0.05)
    rest = simulate(fitted, start, [0.0, 10.0], seed=0).x[-1]
    np.testing.assert_allclose(rest, 0, atol=1e-5)  # nothing moves without a perturbation


def test_knock_outs_beside_controls_move_their_own_gene_down():
    """Designs that only say where: a gene at level 2 falls by 2 and takes its target with it (within 0.2)."""
    rng = np.random.default_rng(0)
    out = np.repeat([0.0, 1.0], 40)
    x = np.stack([2 - 2 * out, 3 - out, np.full(80, 1.0)], axis=1) + 0.05 * rng.normal(size=(80, 3))
    data = Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(("g", "h", "i")), perturbation={"g": out})
    model = trained("cellbox", data)
    np.testing.assert_allclose(model.response({"g": 1.0}).numpy(), [0, 2, 1], atol=0.2)
    np.testing.assert_allclose(model.response({}).numpy(), [2, 3, 1], atol=0.03)
    assert "mean of" in model.notes()[0] and model.direction[0] == -1


def test_what_cannot_be_learnt_is_said():
    x = np.ones((20, 2), np.float32)
    genes = AffineSpace.of_genes(("g", "h"))
    for design, words in (({"k": np.ones(20)}, "no axes"), ({"g": np.zeros(20)}, "no sample is perturbed")):
        with pytest.raises(ValueError, match=words):
            trained("cellbox", Snapshots(x, None, genes, perturbation=design))


def test_the_seed_decides():
    p = designs(pairs=False)
    one, same, other = (trained("cellbox", samples(steady(p), p), seed, {"steps": 20}).network() for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_held_out_drug_conditions_of_melanoma_cells(shared):
    """Pearson of 27 of 89 conditions at least 0.93 (published); the mean of the others has 0.64."""
    folder = shared / "cellbox_melanoma"
    x, p = (pd.read_csv(folder / f"{each}.csv", header=None).to_numpy() for each in ("expr", "pert"))
    nodes = tuple((folder / "node_Index.csv").read_text().split())
    held = np.random.default_rng(3).permutation(89)[:27]
    drugs = nodes[87:]
    design = {each: p[:, nodes.index(each)] for each in drugs}
    data = Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(nodes), perturbation=design)
    rest = np.setdiff1d(np.arange(89), held)
    model = trained("cellbox", data.take(rest), phenotypes=",".join(nodes[82:87]))
    found = [model.response({each: design[each][k] for each in drugs}).numpy() for k in held]
    assert np.corrcoef(np.ravel(found), x[held].ravel())[0, 1] >= 0.93
