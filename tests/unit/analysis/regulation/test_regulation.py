"""Networks, Jacobians, influence on fates and trends of a linear field whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.regulation import gene_network as networks
from cellflow_core.analysis.regulation.fate_influence import _changes, _directions, fate_influence
from cellflow_core.analysis.regulation.gene_network import gene_network, network_genes
from cellflow_core.analysis.regulation.group_trends import group_trends, membership
from cellflow_core.analysis.regulation.jacobian import gene_jacobian, some_cells
from cellflow_core.analysis.regulation.latent_order import latent_order
from cellflow_core.config import Config
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasLatentTime, HasVelocity
from tests.toys import counted

GENES = ("A", "B", "C")
ACTS = np.array([[-1.0, 0.0, -2.0], [3.0, -1.0, 0.0], [0.0, 0.5, -1.0]], dtype=np.float32)
ALL = np.ones(400, bool)


class Linear(DynamicsModel, HasVelocity, HasLatentTime):
    title = "linear"
    Config = Config
    matrix = torch.from_numpy(ACTS)

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return x @ self.matrix.T

    def latent_time(self, x, context):
        return x[:, 0]


class Constant(Linear):
    def velocity(self, t, x, context):
        return 0 * x + 1


def cells(space: AffineSpace | None = None, scale: tuple[float, ...] = (1.0, 2.0, 4.0)) -> Snapshots:
    """Cells at two times, each axis with its own standard deviation."""
    x = np.random.default_rng(0).normal(size=(400, 3))
    x = (x - x.mean(axis=0)) / x.std(axis=0) * scale
    kind = np.where(np.arange(400) < 100, "one", "other")
    t = np.repeat([0.0, 1.0], 200)
    return Snapshots(x.astype(np.float32), t, space or AffineSpace.of_genes(GENES), "h", labels={"kind": kind})


def linear(data: Snapshots, kind: type[Linear] = Linear) -> Linear:
    return kind(Config(), data.spec)


def test_the_jacobian_is_in_standard_deviations_of_both_genes():
    data, scale = cells(), np.array([1.0, 2.0, 4.0])
    found = gene_jacobian(linear(data), data, GENES, some_cells(ALL))
    np.testing.assert_allclose(found, ACTS * scale / scale[:, None], rtol=1e-4)


def test_principal_components_are_read_as_genes():
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    space = AffineSpace("pca", ("PC1", "PC2", "PC3"), GENES, np.zeros(3), rotation)
    data = cells(space, (1.0, 1.0, 1.0))
    found = gene_jacobian(linear(data), data, GENES, some_cells(ALL))
    np.testing.assert_allclose(found, rotation.T @ ACTS @ rotation, atol=1e-4)
    result = gene_network(linear(data), data, data.space.decode(data.x))
    assert "principal components" in " ".join(result.notes)


def test_a_field_without_derivatives_and_axes_without_genes_are_refused():
    data = cells()
    with pytest.raises(ValueError, match="constant in steps"):
        gene_jacobian(linear(data, Constant), data, GENES, some_cells(ALL))
    other = Snapshots(data.x, None, counted(), "h")
    with pytest.raises(ValueError, match="no linear map of genes"):
        gene_jacobian(linear(data), other, ("A",), some_cells(ALL))
    with pytest.raises(ValueError, match="no cell"):
        some_cells(~ALL)


def test_a_network_has_its_edges_its_truth_and_its_correlation():
    data = cells()
    result = gene_network(linear(data), data, data.x, truth=np.sign(ACTS).astype(int))
    assert result.kind == "jacobian" and result.unit == "1 / h" and result.cells == "400 cells"
    assert result.top == 3 and result.strongest(9) == [(0, 2), (1, 0), (2, 1)]
    assert result.scores is not None and result.scores[0, :2].tolist() == [2.0, 1.0]
    assert result.scores[0, 3] == 1.0
    np.testing.assert_allclose(result.correlation, np.corrcoef(data.x.T), atol=1e-4)
    of_one = gene_network(linear(data), data, data.x, label=("kind", "one"))
    assert of_one.cells == "100 cells with kind one" and of_one.truth is None
    with pytest.raises(KeyError, match="no annotation"):
        gene_network(linear(data), data, data.x, label=("nothing", "one"))
    with pytest.raises(ValueError, match="infers no network of its own"):
        gene_network(linear(data), data, data.x, "network")


def test_a_prior_network_stands_beside_the_one_that_is_found():
    data = cells()
    known = PriorNetwork("own", np.array(["C", "A"]), np.array(["A", "Z"]), np.array([-1.0, 1.0]))
    data = Snapshots(data.x, data.t, data.space, "h", network=known)
    result = gene_network(linear(data), data, data.x, truth=np.sign(ACTS).astype(int))
    assert result.prior is not None and result.prior[0, 2] == -1 and np.count_nonzero(result.prior) == 1
    assert result.scored[-1] == "prior network own" and result.scores is not None and len(result.scores) == 3


def test_trainings_that_agree_overlap_and_others_do_not():
    data = cells()
    same, other = linear(data), linear(data)
    other.matrix = torch.tensor([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0], [9.0, 0.0, 0.0]])
    result = gene_network(linear(data), data, data.x, siblings=(same, other))
    assert result.trainings == 3 and result.top == 1
    assert sorted(result.overlap.tolist()) == [0.0, 0.0, 1.0]
    assert result.recurs[0, 2] == 2


def test_of_many_genes_those_that_differ_most_are_taken(monkeypatch):
    monkeypatch.setattr(networks, "MOST_GENES", 2)
    data = cells()
    assert network_genes(linear(data), data) == ("B", "C")


def test_the_influence_on_a_fate_leaves_out_what_a_gene_does_to_itself():
    u = _directions(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(u, [[1, 0, 0], [-1, 0, 0]])
    found = _changes(ACTS[None].astype(float), u, np.eye(3))
    np.testing.assert_allclose(found[0], [[0, 0, -2], [0, 0, 2]], atol=1e-12)


def test_genes_push_cells_to_the_fate_that_the_field_says():
    """x and y grow away from 0 in x alone, pushed by gene C: to the right where it is high."""
    rng = np.random.default_rng(0)
    side = np.repeat([-1.0, 0.0, 1.0], 150)
    x = np.stack([4 * side, 0.3 * rng.normal(size=450), rng.normal(size=450)], axis=1)
    x[:, 0] += 0.3 * rng.normal(size=450)
    name = np.where(side > 0, "right", np.where(side < 0, "left", "nan"))
    data = Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(GENES), "h", labels={"fate": name})
    model = linear(data)
    model.matrix = torch.tensor([[0.0, 0.0, 1.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = fate_influence(model, data, "fate", ("left", "right"))
    right, c = found.names.index("right"), 2
    assert found.influence[right, c] == pytest.approx(1.5 * x[:, 2].std(), rel=1e-3)
    assert found.influence[1 - right, c] < 0 and abs(found.influence[right, :2]).max() < 1e-4
    assert "undecided" in found.notes[0]


def test_trends_are_means_of_each_group_with_their_interval():
    rng = np.random.default_rng(0)
    order, codes = rng.uniform(0, 1, 4000), rng.integers(0, 2, 4000)
    values = np.where(codes == 0, order, 1 - order) + 0.1 * rng.normal(size=4000)
    found = group_trends("A", values, order, membership(codes, 2, 4000), ("up", "down"), "pseudotime")
    assert found.mean.shape == (2, 16) and (found.cells > 80).all()
    np.testing.assert_allclose(found.mean[0], found.at, atol=0.04)
    np.testing.assert_allclose(found.mean[1], 1 - found.at, atol=0.04)
    covered = (found.low[0] <= found.at) & (found.at <= found.high[0])
    assert covered.mean() > 0.7


def test_few_cells_and_cells_out_of_the_order_have_no_mean():
    order = np.array([0.0] * 10 + [1.0] * 3 + [np.nan] * 10)
    found = group_trends("A", np.ones(23), order, membership(None, 1, 23), ("all",), "time")
    assert found.at.tolist() == [0.0, 1.0] and found.mean[0, 0] == 1 and np.isnan(found.mean[0, 1])
    weighted = group_trends("A", np.ones(10), np.zeros(10), np.full((10, 1), 0.3), ("all",), "time")
    assert weighted.cells[0, 0] == pytest.approx(10)


def test_the_latent_time_of_a_model_orders_the_cells():
    data = cells()
    found = latent_order(linear(data), data)
    np.testing.assert_allclose(found.value, data.x[:, 0], rtol=1e-5)
    assert found.name == "latent time of linear"
