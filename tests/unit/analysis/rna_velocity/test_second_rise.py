"""Genes whose transcription rises twice are found where it does, and nowhere else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.analysis.rna_velocity.agreement import agreement
from cellflow_core.analysis.rna_velocity.second_rise import _course, _courses, _misfit
from cellflow_core.reporting.rna_velocity.summaries import gene_rows, of_velocity
from tests.truth.models.rna_velocity.simulated import moments


def answer(name: str, seed: int, cells: int = 500, **settings) -> VelocityAgreement:
    data = moments(name, cells, seed, **settings)[0]
    return agreement(None, data, Embedding("pca", ("PC1", "PC2"), data.x[:, :2], data.x))


@pytest.mark.parametrize(("seed", "boost"), [(0, 6.0), (1, 6.0), (2, 6.0), (3, 3.0), (4, 2.0)])
def test_boosted_genes_are_found_and_the_page_warns(seed: int, boost: float):
    found = answer("transcriptional-boosting", seed, boost=boost)
    boosted = np.array([each.startswith("Boosted") for each in found.genes])
    assert found.follows is not None and found.twice is not None and found.follows.all() and found.boosted
    assert found.twice[boosted].mean() > (0.9 if boost > 3 else 0.4) and not found.twice[~boosted].any()
    summary = of_velocity(found)
    assert f"rises a second time in {found.twice.sum()} of the 60 genes" in summary.answer and summary.trust == "fair"
    rows = gene_rows(found)
    marked = {gene for gene, each in zip(rows["gene"], rows["transcription rises twice"], strict=True) if each == "yes"}
    assert marked == {gene for gene, each in zip(found.genes, found.twice, strict=True) if each}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("splicing", {"genes": 60, "n_times": 1}),
        ("splicing", {"genes": 12, "n_times": 5, "cells": 100}),
        ("splicing", {"genes": 60, "n_times": 1, "measured": "counts"}),
        ("splicing-bifurcation", {}),
        ("transcriptional-boosting", {"boosted": 0.0}),
        ("unchanging-population", {}),
    ],
)
def test_constant_rates_are_no_cause_for_alarm(name: str, settings: dict, seed: int):
    found = answer(name, seed, **settings)
    assert found.twice is not None and found.follows is not None
    assert not found.boosted and "Do not rely" not in of_velocity(found).answer
    if name == "unchanging-population":
        assert not found.follows.any() and "No gene follows the order" in of_velocity(found).why
    if name == "splicing-bifurcation":  # genes of one branch alone differ between cells of one stage
        fate = np.array([each.startswith("Fate") for each in found.genes])
        assert not found.follows[fate].any() and found.follows[~fate].all()
        assert "Of 30 genes that follow the order" in of_velocity(found).why


def test_few_cells_and_answers_of_earlier_versions_are_not_judged():
    few = answer("transcriptional-boosting", 0, cells=149)
    assert few.follows is not None and not few.follows.any() and not few.boosted
    earlier = dataclasses.replace(few, follows=None, twice=None)
    assert not earlier.boosted and "transcription rises twice" not in gene_rows(earlier)
    assert "ranscription" not in of_velocity(earlier).why


def test_courses_solve_their_equation_and_two_rises_leave_less_than_one():
    t = np.linspace(0, 10, 4001)
    for on, off in ((-np.inf, 6.0), (1.0, 6.0), (2.0, np.inf)):
        u = _course(t, on, off, 0.8)
        rate = np.gradient(u, t)
        expected = 0.8 * ((t >= on) & (t < off)) - 0.8 * u
        near = np.minimum(np.abs(t - on), np.abs(t - off)) > 0.01
        np.testing.assert_allclose(rate[near][1:-1], expected[near][1:-1], atol=1e-3)
    t = np.linspace(0, 10, 30)
    once = _course(t, 1.0, np.inf, 0.8)
    twice = once + 5 * _course(t, 6.0, np.inf, 0.8)
    one, two = _misfit(np.stack([once, twice], axis=1), _courses(t))
    varies = np.square(np.stack([once - once.mean(), twice - twice.mean()], axis=1)).sum(axis=0)
    assert (one / varies)[0] < 0.01 and (one / varies)[1] > 0.05 and two[1] < 0.1 * one[1]
