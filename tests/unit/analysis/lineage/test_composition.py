"""Groups over time, where their shares and what goes between them are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from cellflow_core.analysis.lineage.composition import composition
from cellflow_core.analysis.regulation.fate_trends import fate_trends
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.figures.lineage import composition as figures
from cellflow_core.reporting import composition_summaries as words
from tests.unit.analysis.lineage.test_ancestry import DATA, Moving, planned


def rows(still: bool = False) -> Snapshots:
    """Twenty cells above and twenty below at each of three times, all moving right: those above double each day, but
    for `still` none is lost or gained in the measured numbers."""
    rng = np.random.default_rng(0)
    count = {0: (20, 20), 1: (40, 20), 2: (80, 20)} if not still else dict.fromkeys(range(3), (20, 20))
    t = np.concatenate([np.full(sum(each), float(time)) for time, each in count.items()])
    y = np.concatenate([np.repeat([1.0, 0.0], each) for each in count.values()])
    x = np.stack([t, y], axis=1) + 0.01 * rng.normal(size=(len(t), 2))
    kind = np.where(y > 0.5, "upper", "lower")
    return Snapshots(x.astype(np.float32), t, AffineSpace.of_genes(("p", "q")), "day", labels={"kind": kind})


def test_a_plan_tells_what_goes_from_group_to_group():
    found = composition(planned(), DATA, "kind")
    assert found.names == ("a", "b <i>", "stem")
    a, b, stem = range(3)
    np.testing.assert_allclose(found.flow.sum(axis=(1, 2)), 1)
    assert found.flow[0, stem, a] == pytest.approx(1.25 / 1.5) and found.flow[0, stem, b] == pytest.approx(0.25 / 1.5)
    assert found.flow[1, a, a] == pytest.approx(2 / 3) and found.flow[1, b, b] == pytest.approx(1 / 3)
    assert "from time 0 to 1: 100% of the mass goes to another kind, the largest part from stem to a" in words.of_flows(
        found
    )
    table = words.flow_rows(found)
    assert table["share of group (%)"][0] == pytest.approx(83.33) and len(table["from"]) == 4


def test_a_group_that_multiplies_grows_as_it_should():
    data = rows()
    found = composition(Moving(Config(), data.spec), data, "kind")
    upper = found.names.index("upper")
    np.testing.assert_allclose(found.at_measured[:, upper], [1 / 2, 2 / 3, 4 / 5], atol=0.01)
    np.testing.assert_allclose(found.predicted.sum(axis=1), 1, atol=1e-6)
    assert found.misses[0].max() < 0.01 < np.nanmin(found.misses[1])
    np.testing.assert_allclose(found.flow[:, upper, 1 - upper] + found.flow[:, 1 - upper, upper], 0, atol=1e-9)
    assert words.of_composition(found).trust == "good"
    assert any("Growth is counted in the mass between times" in each for each in found.notes)
    nodes: Any = figures.sankey(found).data[0]
    labels = [each for time in ((0.5, 0.5), (2 / 3, 1 / 3), (0.8, 0.2)) for each in time]
    assert list(nodes.node.label) == [f"{each:.0%}" for each in labels]


def test_a_model_that_is_worse_than_no_change_is_not_trusted():
    data = rows(still=True)
    found = composition(Moving(Config(), data.spec), data, "kind")
    assert words.of_composition(found).trust == "poor"


def test_the_figures_hold_every_share():
    found = dataclasses.replace(composition(planned(), DATA, "kind"), by="<b>kind")
    river = figures.river(found)
    np.testing.assert_allclose(sum(np.asarray(each.y) for each in river.data[:3]), 1, atol=1e-5)
    assert sum(figures.sankey(found).data[0].link.value) == pytest.approx(2)
    assert not any("<i>" in each for each in figures.sankey(found).data[0].node.customdata)
    assert "measured" in figures.describe_river(found)


def test_a_gene_parts_with_the_fates():
    data = rows()
    found = fate_trends(Moving(Config(), data.spec), data, "q", "kind")
    ends = dict(zip(found.names, found.mean, strict=True))
    np.testing.assert_allclose(ends["upper"], 1, atol=0.05)
    np.testing.assert_allclose(ends["lower"], 0, atol=0.05)
    with pytest.raises(KeyError, match="nothing"):
        fate_trends(Moving(Config(), data.spec), data, "nothing", "kind")
