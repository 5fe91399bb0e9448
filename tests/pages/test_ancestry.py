"""Ancestors of a group on the Fates page: nothing is asked before a group is chosen, and words and pictures agree."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.results import Ancestry
from cellflow_core.figures import theme
from cellflow_core.figures.lineage import ancestry
from cellflow_core.reporting import result_tables
from tests import examples
from tests.pages.test_views import ANSWERS, asked, message, opened, run  # noqa: F401


def made(**change) -> Ancestry:
    points, t = examples.cells()
    weight = (np.arange(len(t)) % 3 == 0).astype(float)
    for time in np.unique(t):
        weight[t == time] /= weight[t == time].sum()
    times = np.unique(t)
    values = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "time_unit": "days",
        "chosen": "12 of 80 cells of time 2 with type = Myeloid <b>",
        "time": 2.0,
        "points": points,
        "cell_time": t,
        "weight": weight,
        "times": times,
        "mass": np.where(times < 2, np.nan, 1.0 + times - 2),
        "names": ("Erythroid <b>", "Myeloid"),
        "share": np.stack([np.linspace(0.9, 0.1, len(times)), np.linspace(0.1, 0.9, len(times))], axis=1),
        "notes": ("A note.",),
    }
    return Ancestry(**(values | change))


@pytest.mark.parametrize("dark", [False, True])
def test_the_figures_show_weights_the_chosen_and_the_groups(dark):
    result = made()
    figure = ancestry.cells(result, dark=dark)
    assert figure.layout.template == theme.template(dark)
    drawn, rings = figure.data
    assert len(drawn.x) == 400 and (np.diff(drawn.marker.color) >= 0).all()
    assert len(rings.x) == int(((result.cell_time == 2) & (result.weight > 0)).sum())
    bars = ancestry.groups(result, dark=dark)
    assert [each.name for each in bars.data] == ["Erythroid &lt;b&gt;", "Myeloid"]
    np.testing.assert_allclose(np.sum([each.y for each in bars.data], axis=0), 1.0, rtol=1e-6)
    assert "90% Erythroid <b> at 0" in ancestry.describe(result) and "90% Myeloid at 4" in ancestry.describe(result)
    assert result_tables.of_ancestry(result)["mass"] == ["", "", "1", "2", "3"]


def test_nothing_is_asked_before_a_group_is_chosen(run, asked, monkeypatch):  # noqa: F811
    monkeypatch.setitem(ANSWERS, "ancestry", made)
    page = opened("fates", run=run.id, part="A group")
    assert not [each for each in asked if each[0] == "ancestry"]
    assert "Choose a group, and see which earlier cells" in message(page)
    page = opened("fates", run=run.id, part="A group", ancestry_of="up")
    wanted = {"view": "pca", "time": None, "label": ("type", "up"), "by": "type"}
    assert ("ancestry", run.id, wanted) in asked
    assert "Its mass is 3 times as large at the end." in message(page) and "A note." in message(page)
