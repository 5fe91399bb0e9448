"""Graphs between groups against a known tree."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis.lineage.composition import composition
from cellflow_core.analysis.lineage.group_graph import group_graphs
from cellflow_core.reporting import composition_summaries as words
from tests.unit.analysis.lineage.test_ancestry import DATA, planned

TREE = [("stem", "a"), ("stem", "b <i>")]


def test_a_model_that_follows_the_tree_beats_random_partners():
    found = composition(planned(), DATA, "kind")
    result = group_graphs({"Planned": found}, DATA, TREE)
    assert result.rows == ("Planned", "correlation", "co-occurrence") and result.models == 1
    assert result.auprc[0] == pytest.approx(1) and result.f1[0] == pytest.approx(1)
    assert result.auprc[2] < 1 and result.chance == pytest.approx(2 / 6)
    stem, a = result.names.index("stem"), result.names.index("a")
    assert (
        result.graph[0, stem, a] == pytest.approx(1.25 / 1.5)
        and (np.diagonal(result.graph, axis1=1, axis2=2) == 0).all()
    )
    table = words.graph_rows(result)
    assert table["model"] == ["Planned", "(correlation)", "(co-occurrence)", "(random order)"]
    assert "beats" in words.of_graphs(result) or "does not beat" in words.of_graphs(result)


def test_a_model_that_leads_backwards_does_not_beat_them():
    found = composition(planned(), DATA, "kind")
    backwards = dataclasses.replace(found, flow=np.swapaxes(found.flow, 1, 2))
    result = group_graphs({"Backwards": backwards}, DATA, TREE)
    assert result.f1[0] == 0 and "does not beat" in words.of_graphs(result)


def test_a_tree_has_some_edges_and_not_all():
    found = composition(planned(), DATA, "kind")
    for edges in ([], [("stem", "nobody")], [(a, b) for a in found.names for b in found.names]):
        with pytest.raises(ValueError, match="tree"):
            group_graphs({"Planned": found}, DATA, edges)
