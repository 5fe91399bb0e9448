"""The bars of cells per time hold the numbers they were given."""

from __future__ import annotations

from cellflow_core.figures.data import counts


def test_one_bar_a_time() -> None:
    figure = counts.counts((0, 2.5, 7), (10, 20, 5), unit="<b>day")
    (bars,) = figure.data
    assert bars.x == ("0", "2.5", "7") and bars.y == (10, 20, 5)
    assert figure.layout.xaxis.type == "category" and "<b>" not in figure.layout.xaxis.title.text
    assert counts.describe((0, 2.5), (1000, 20), "day") == "Cells at each time: 1,000 at 0 days, 20 at 2.5 days."


def test_nothing_chosen_is_an_empty_figure() -> None:
    assert counts.counts((), ()).data[0].x == ()
