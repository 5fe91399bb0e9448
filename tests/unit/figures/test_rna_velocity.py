"""Arrows of RNA velocity only where they may be drawn, of equal length; phase portraits with their lines."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.analysis.results import PhasePortrait, VelocityAgreement
from cellflow_core.figures import rna_velocity
from cellflow_core.figures.fields import root_and_end_marks
from cellflow_core.reporting.rna_velocity import summaries as velocity_summaries
from tests import examples

CELLS = 400


def result() -> VelocityAgreement:
    flow, (points, _) = examples.flow(), examples.cells(CELLS)
    rng = np.random.default_rng(0)
    return VelocityAgreement(
        view="pca",
        axes=("PC1", "PC2"),
        time_unit="day",
        estimators=("One", "Two"),
        pairwise=np.array([[1.0, 0.7], [0.7, 1.0]]),
        agreement=rng.uniform(0, 1, CELLS),
        halves=rng.uniform(0, 1, CELLS),
        chance=np.full(CELLS, 0.01),
        drawn=points[:, 0] > 0,
        cells=points,
        arrows=rng.normal(size=(CELLS, 2)),
        speed=rng.uniform(1, 2, CELLS),
        x=flow.x,
        y=flow.y,
        u=flow.u,
        v=flow.v,
        order=np.linspace(0, 1, CELLS),
        order_explained=0.8,
        forward=0.9,
        forward_chance=(0.4, 0.6),
        orders=("order along the arrows", "measured time"),
        order_values=np.tile(np.linspace(0, 1, CELLS), (2, 1)),
        order_rho=np.array([[1.0, 0.7], [0.7, 1.0]]),
        genes=("A", "B", "C"),
        gene_agreement=np.array([0.2, 0.9, 0.5]),
        slope=np.array([[0.1, 0.2, 0.3], [np.nan] * 3]),
        r2=np.array([0.5, 0.6, 0.7]),
        fast=np.array([0, 1, 2]),
        rate_names=("degradation (1 / time)",),
        rates=np.array([[0.12345], [0.2], [np.nan]]),
    )


@pytest.mark.parametrize("style", ["grid", "cells"])
def test_single_arrows_have_equal_lengths_and_stay_with_drawn_cells(style: str):
    found = result()
    cells, lines, heads = rna_velocity.arrows(found, rna_velocity.colouring(found, "agreement"), style=style).data
    ends = np.column_stack([lines.x, lines.y]).reshape(-1, 3, 2)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-3)
    assert len(cells.x) == CELLS and len(heads.x) == 2 * len(lengths)
    if style == "cells":
        assert len(lengths) <= found.drawn.sum() and (ends[:, 0, 0] > 0).all()


def test_nothing_is_drawn_where_no_cell_has_an_arrow():
    none = replace(result(), drawn=np.zeros(CELLS, bool), u=result().u * np.nan, v=result().v * np.nan)
    for style in ("streams", "grid", "cells"):
        assert np.isnan(
            rna_velocity.arrows(none, rna_velocity.colouring(none, "agreement"), style=style).data[1].x
        ).all()
    summary = velocity_summaries.of_velocity(none)
    assert summary.trust == "poor" and summary.answer.startswith("0%")


def test_other_words_are_refused_and_colours_have_their_range():
    found = result()
    for by, range_ in (("agreement", (0, 1)), ("measured time", (0.01, 0.99)), ("halves", (0, 1))):
        marker = rna_velocity.arrows(found, rna_velocity.colouring(found, by)).data[0].marker
        assert (marker.cmin, marker.cmax) == pytest.approx(range_)
    with pytest.raises(ValueError, match="growth"):
        rna_velocity.colouring(found, "growth")
    with pytest.raises(ValueError, match="quiver"):
        rna_velocity.arrows(found, rna_velocity.colouring(found, "speed"), style="quiver")
    with pytest.raises(ValueError, match="halves"):
        rna_velocity.colouring(replace(found, halves=None, chance=None), "halves")


def test_words_weigh_arrows_against_measured_times():
    found = result()
    assert "90% of the arrows point to later cells, more than" in velocity_summaries.of_velocity(found).why
    back = velocity_summaries.of_velocity(replace(found, forward=0.3))
    assert back.trust == "poor" and "no more than" in back.why
    unknown = velocity_summaries.of_velocity(replace(found, halves=None, chance=None, drawn=np.ones(CELLS, bool)))
    assert unknown.trust == "fair" and "no counts" in unknown.why
    few = replace(found, drawn=np.zeros(CELLS, bool))
    assert "noise" in velocity_summaries.of_order(few) and "noise" not in velocity_summaries.of_order(found)
    assert "go round" in velocity_summaries.of_order(replace(found, order_explained=0.1))


def test_genes_are_numbers_the_fastest_first():
    rows = velocity_summaries.gene_rows(result())
    assert rows["gene"] == ["C", "B", "A"] and rows["γ/β, One"] == [0.3, 0.2, 0.1]
    assert "γ/β, Two" not in rows
    np.testing.assert_equal(rows["degradation (1 / time), One"], [np.nan, 0.2, 0.1235])
    assert len(velocity_summaries.cell_rows(result())["order"]) == CELLS


def test_a_portrait_has_a_line_for_each_ratio():
    s = np.linspace(0, 4, CELLS)
    u = 0.5 * s + np.sin(s)
    velocity = np.stack([u - 0.5 * s, u])
    about = ("Sox9", s, u, ("One", "Two"), velocity, np.array([0.5, np.nan]))
    found = PhasePortrait(*about, np.zeros((0, 2)), np.nan, (), np.zeros(0))
    *cells, line = rna_velocity.portrait(found, None).data
    assert [each.name for each in cells] == ["falls", "rises"] and line.name == "One"
    assert line.y[1] == pytest.approx(0.5 * line.x[1])
    assert (cells[1].y >= 0.5 * cells[1].x).all()
    grouped = rna_velocity.portrait(found, np.arange(CELLS) % 3, ("a", "b", "c"))
    assert [each.name for each in grouped.data[:3]] == ["a", "b", "c"]
    assert "it rises in" in rna_velocity.describe_portrait(found)
    assert "(Two)" in velocity_summaries.of_portrait(found)
    assert "Rates" not in velocity_summaries.of_portrait(found)
    fitted = dataclasses.replace(found, course_r2=0.834, course=np.array([[0.0, 0.0], [2.0, 1.0], [1.0, 3.0]]))
    curve = next(each for each in rna_velocity.portrait(fitted, None).data if each.name == "fitted course, One")
    assert curve.x.tolist() == [0, 1, 3] and curve.y.tolist() == [0, 2, 1]
    assert "course that One has fitted" in rna_velocity.describe_portrait(fitted)
    rates = {"rate_names": ("transcription (RNA / time)", "splicing (1 / time)"), "rates": np.array([2.5, np.nan])}
    words = velocity_summaries.of_portrait(dataclasses.replace(fitted, **rates))
    assert "Rates by One: transcription 2.5 RNA / time." in words and "fitted course have 83% of the variance" in words


@pytest.mark.parametrize("dark", [False, True])
def test_root_and_end_states_have_a_sign_a_name_and_an_entry_in_the_legend(dark: bool):
    found = result()
    marks = root_and_end_marks.root_and_ends(("stem <b>", np.array([0.0, 1.0])), [("late", np.array([2.0, 3.0]))])
    figure = rna_velocity.arrows(found, rna_velocity.colouring(found, "agreement"), marks=marks, dark=dark)
    root, end = (next(each for each in figure.data if each.name == name) for name in ("root state", "end states"))
    assert (root.marker.symbol, end.marker.symbol) == ("square", "star") and root.showlegend and end.showlegend
    assert root.marker.color != end.marker.color and root.text == ("<b>stem &lt;b&gt;</b>",)
    assert (root.x[0], root.y[0], end.x[0], end.y[0]) == (0, 1, 2, 3)
    assert len(root_and_end_marks.root_and_ends(None, [("x", np.array([np.nan, 0.0]))] * 3)) == 0
