"""A screen in words, as a table and as a picture."""

from __future__ import annotations

import math

import pytest

from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.figures.perturbations import screen as figures
from cellflow_core.reporting import screen_summaries as words
from tests.example_screen import screen


def test_the_largest_changes_are_named_with_their_numbers() -> None:
    summary = words.of_screen(screen(), 0)
    assert summary.answer == (
        "4 genes knocked out one after the other. The share of Erythroid (62% without a change) is raised by "
        "Spi1 (+20 points) and lowered by Gata1 (-31 points) and Klf1 (-12 points). "
        "Xist cannot be knocked out: not among the genes of these data."
    )
    assert summary.trust == "poor" and "For 25% of the genes" in summary.why
    near = words.of_screen(screen(outside=screen().outside * 0), 0)
    assert near.trust == "fair" and "not that the model is right" in near.why
    assert "Only one seed" in words.of_screen(screen(models=1), 0).why


def test_where_no_gene_can_be_perturbed_every_reason_is_told() -> None:
    nothing = screen().change * math.nan
    reasons = ("not among the genes of these data", "measured only", "measured only", "measured only", "silent")
    found = screen(change=nothing, reasons=reasons, levels=screen().levels * math.nan)
    summary = words.of_screen(found, 0)
    assert summary.answer == "None of the 5 genes could be knocked out."
    assert summary.why == (
        "Gata1: not among the genes of these data. Klf1, Spi1 and Actb: measured only. Xist: silent."
    )
    short = {name: getattr(found, name)[:1] for name in ("genes", "levels", "change", "low", "high", "q", "rank")}
    alone = words.of_screen(screen(**short, outside=found.outside[:1], reasons=reasons[:1]), 0)
    assert alone.answer == "Gata1 could not be knocked out."
    assert alone.why == "Gata1: not among the genes of these data."


def test_nothing_that_moves_is_said_so() -> None:
    still = screen(change=screen().change * 0.001)
    assert "No gene moves the share of Myeloid by a point or more" in words.of_screen(still, 1).answer


def test_the_table_has_every_gene_and_the_reason_where_it_was_not_perturbed() -> None:
    rows = words.rows(screen(), 1)
    assert rows["gene"] == ["Gata1", "Spi1", "Klf1", "Actb", "Xist"]
    assert rows["Myeloid (points)"][:2] == [31.0, -20.0] and math.isnan(rows["Myeloid (points)"][-1])
    assert rows["not perturbed because"][-1] == "not among the genes of these data"


@pytest.mark.parametrize("dark", [False, True])
def test_the_volcano_draws_perturbed_genes_only(dark: bool) -> None:
    figure = figures.volcano(screen(), 0, dark=dark)
    drawn = {each.name: list(each.text) for each in figure.data}
    assert drawn == {"changes": ["Gata1", "Klf1"], "no change": ["Actb"], "cells leave the data": ["Spi1"]}
    assert [each.text for each in figure.layout.annotations] == ["Gata1", "Spi1", "Klf1"]
    same = screen(change=screen().change[[0, 0, 2, 3, 4]], q=screen().q[[0, 0, 2, 3, 4]])
    assert [each.text for each in figures.volcano(same, 0).layout.annotations] == ["Gata1, Klf1", "Spi1"]
    assert "Gata1 -31, Spi1 +20, Klf1 -12" in figures.describe(screen(), 0)


def test_of_many_genes_the_first_are_named_and_the_others_counted():
    assert joined(["A"], 2) == "A" and joined(["A", "B"], 2) == "A and B"
    assert joined(list("ABCDE"), 3) == "A, B, C and 2 more" and joined(list("ABC")) == "A, B and C"
