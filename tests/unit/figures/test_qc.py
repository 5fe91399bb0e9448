"""Violins and explained variance hold the numbers they were given, thinned and escaped."""

from __future__ import annotations

import numpy as np

from cellflow_core.figures import theme
from cellflow_core.figures.data import variance, violin


def test_violins_are_thinned_and_carry_their_limits() -> None:
    counts = np.arange(10_000.0)
    share = np.where(np.arange(10_000) < 5, np.nan, 0.1)
    figure = violin.violins({"<b>counts": counts, "mitochondrial share": share}, {"mitochondrial share": (None, 0.2)})
    first, second = figure.data
    assert len(first.y) == violin.DRAWN_UP_TO and np.allclose(second.y, 10)
    assert "<b>" not in first.name and "<b>" not in figure.layout.xaxis.title.text
    (line,) = figure.layout.shapes
    assert line.y0 == line.y1 == 20 and line.line.color == theme.changed(False)
    text = violin.describe({"total counts": counts, "mitochondrial share": share, "other": np.full(3, np.nan)})
    assert "total counts 5,000 in the middle" in text and "10.0%" in text and text.endswith("other is not known.")


def test_no_measure_is_an_empty_figure() -> None:
    assert violin.violins({}).data == ()


def test_variance_is_drawn_in_per_cent_and_added_up() -> None:
    figure = variance.variance(np.array([0.4, 0.2, 0.1]), dark=True)
    bars, line = figure.data
    assert np.allclose(bars.y, [40, 20, 10]) and np.allclose(line.y, [40, 60, 70])
    text = variance.describe(np.array([0.4, 0.2, 0.1]))
    assert text.startswith("3 principal components carry 70%") and text.endswith("the first 1.")
    assert "No component" in variance.describe(np.zeros(0))
