"""Views of genes: velocities, trends, networks and perturbations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import (
    CellOrder,
    FateGenes,
    FateInfluence,
    GeneEquations,
    GeneNetwork,
    GeneTrend,
    GroupTrends,
    GroupVelocities,
    KnockOutScores,
    PermutationScores,
    Perturbation,
    PerturbationScreen,
    PhasePortrait,
    VelocityAgreement,
)
from cellflow_core.figures import fates as fate_figures
from cellflow_core.figures import gene_trend, rna_velocity, scatter
from cellflow_core.figures.genes import coefficients, regulation, trends
from cellflow_core.figures.perturbations import knock_outs as knock_out_figures
from cellflow_core.figures.perturbations import perturbation as perturbation_figures
from cellflow_core.figures.perturbations import screen as screen_figures
from cellflow_core.reporting import cell_rows, perturbation_summaries, result_tables, screen_summaries
from cellflow_core.reporting.regulation import equations as equation_texts
from cellflow_core.reporting.regulation import summaries as regulation_summaries
from cellflow_core.reporting.rna_velocity import permutation_scores as score_texts
from cellflow_core.reporting.rna_velocity import root_and_ends
from cellflow_core.reporting.rna_velocity import summaries as velocity_summaries
from cellflow_core.reporting.summaries import limited
from cellflow_core.reporting.views.view import Asked, Picture, View

GENES_DRAWN = 20
EQUATIONS_DRAWN = 6


def velocity(found: VelocityAgreement, asked: Asked) -> View:
    shown = rna_velocity.colouring(found, "agreement")
    by, marks = asked.groups(), ()
    if by:
        codes, names = scatter.grouped(np.asarray(asked.dataset.snapshots().labels[by]).astype(str))
        marks = root_and_ends.marks_of_order(found, codes, names)
    figure = rna_velocity.arrows(found, shown=shown, marks=marks, dark=asked.dark)
    picture = Picture("arrows", figure, rna_velocity.describe(found, shown))
    cells = cell_rows.of_all(velocity_summaries.cell_rows(found), asked.dataset)
    tables = {"cells": cells, "genes": velocity_summaries.gene_rows(found)}
    notes = (velocity_summaries.of_order(found), *found.notes)
    return View(velocity_summaries.of_velocity(found), (picture,), tables, notes)


def group_velocities(found: GroupVelocities, asked: Asked) -> View:
    tables = {"groups": velocity_summaries.group_rows(found)}
    return View(velocity_summaries.of_groups(found), (), tables, found.notes)


def phase_portrait(found: PhasePortrait, asked: Asked) -> View:
    figure = rna_velocity.portrait(found, None, dark=asked.dark)
    picture = Picture("phase_portrait", figure, rna_velocity.describe_portrait(found))
    cells: result_tables.Rows = {"spliced": found.spliced.tolist(), "unspliced": found.unspliced.tolist()}
    cells |= {f"ds/dt, {name}": values.tolist() for name, values in zip(found.estimators, found.velocity, strict=True)}
    return View(velocity_summaries.of_portrait(found), (picture,), {"phase_portrait": cells})


def permutation_scores(found: PermutationScores, asked: Asked) -> View:
    return View(score_texts.of_scores(found), (), {"permutation_scores": score_texts.rows(found)}, found.notes)


def trend(found: GeneTrend, asked: Asked) -> View:
    picture = Picture("trend", gene_trend.trend(found, dark=asked.dark), gene_trend.describe(found))
    return View(gene_trend.describe(found), (picture,), {"trend": result_tables.of_trend(found)}, found.notes)


def fate_trends(found: GroupTrends, asked: Asked) -> View:
    picture = Picture("fate_trends", trends.trends(found, dark=asked.dark), trends.describe(found))
    return View(trends.describe(found), (picture,), {"trends": regulation_summaries.trend_rows(found)}, found.notes)


def fate_genes(found: FateGenes, asked: Asked) -> View:
    pictures = _of_each_fate("genes_of", found, asked, fate_figures.fate_genes, fate_figures.describe_genes)
    tables = {f"genes_of_{k + 1}": result_tables.of_fate_genes(found, fate) for k, fate in enumerate(found.names)}
    answer = f"Genes that go with {len(found.names)} fates: {', '.join(found.names)}."
    return View(answer, pictures, tables, found.notes)


def fate_influence(found: FateInfluence, asked: Asked) -> View:
    pictures = _of_each_fate("influence", found, asked, regulation.influence, regulation.describe_influence)
    rows: result_tables.Rows = {"gene": list(found.genes)}
    rows |= {f"influence on {fate}": found.influence[k].tolist() for k, fate in enumerate(found.names)}
    answer = f"Genes that push undecided cells towards {', '.join(found.names)}."
    return View(answer, pictures, {"influence": rows}, found.notes)


def _of_each_fate(
    name: str, found: Any, asked: Asked, draw: Callable[..., go.Figure], describe: Callable[[Any, str], str]
) -> tuple[Picture, ...]:
    """A picture of the genes of each fate, numbered."""
    return tuple(
        Picture(f"{name}_{k + 1}", draw(found, fate, GENES_DRAWN, dark=asked.dark), describe(found, fate))
        for k, fate in enumerate(found.names)
    )


def latent_time(found: CellOrder, asked: Asked) -> View:
    points = asked.dataset.embedding("pca")
    axes = asked.dataset.view_axes("pca")
    known = np.isfinite(found.value)
    figure = scatter.scatter(points[known], found.value[known], title=found.name, axes=axes, dark=asked.dark)
    words = f"{int(known.sum()):,} of {len(known):,} cells in the order {found.name}."
    rows: result_tables.Rows = {"cell": list(range(len(found.value))), found.name: found.value.tolist()}
    rows = cell_rows.of_all(rows, asked.dataset)
    return View(words, (Picture("order", figure, words),), {"order": rows}, found.notes)


def gene_network(found: GeneNetwork, asked: Asked) -> View:
    dark = asked.dark
    pictures = (
        Picture("regulators", regulation.regulators(found, dark=dark), regulation.describe_regulators(found)),
        Picture("strongest", regulation.strongest(found, dark=dark), regulation.describe_strongest(found)),
        Picture("matrix", regulation.matrix(found, dark=dark), regulation.describe_matrix(found)),
    )
    tables = {
        "edges": regulation_summaries.edge_rows(found),
        "regulators": regulation_summaries.regulator_rows(found),
    }
    if found.scores is not None:
        tables["scores"] = regulation_summaries.score_rows(found)
    words = (regulation_summaries.of_overlap(found), regulation_summaries.of_prior(found))
    notes = (*(each for each in words if each), f"Influence over {found.cells}.", *found.notes)
    return View(regulation_summaries.of_network(found), pictures, tables, notes)


def gene_equations(found: GeneEquations, asked: Asked) -> View:
    pictures = tuple(
        Picture(
            f"equation_of_{k + 1}",
            coefficients.coefficients(found, k, equation_texts.terms_of(found, k), dark=asked.dark),
            equation_texts.in_words(found, k),
        )
        for k in range(min(len(found.genes), EQUATIONS_DRAWN))
    )
    tables = {"equations": equation_texts.equation_rows(found), "terms": equation_texts.all_rows(found)}
    return View(equation_texts.of_equations(found), pictures, tables, (found.meaning, *found.notes))


def perturb(found: Perturbation, asked: Asked) -> View:
    dark, words = asked.dark, perturbation_figures.describe(found)
    sides = perturbation_figures.before_after(found, asked.dataset.embedding(found.view), dark=dark)
    pictures = [Picture("before_after", sides, words)]
    if len(found.names) > 1:
        pictures.append(Picture("change", perturbation_figures.change(found, dark=dark), words))
    genes = perturbation_figures.genes(found, dark=dark)
    pictures.append(Picture("genes", genes, perturbation_figures.describe_genes(found)))
    tables = {
        "states": result_tables.of_perturbation(found),
        "genes": result_tables.of_changed_genes(found),
        "control_genes": result_tables.of_control_genes(found),
    }
    summary = limited(perturbation_summaries.of_perturbation(found), asked.course, asked.unit)
    return View(summary, tuple(pictures), tables, tuple(perturbation_summaries.notes_of(found)))


def screen(found: PerturbationScreen, asked: Asked) -> View:
    figure = screen_figures.volcano(found, 0, dark=asked.dark)
    picture = Picture("screen", figure, screen_figures.describe(found, 0))
    tables = {f"change_of_{k + 1}": screen_summaries.rows(found, k) for k in range(len(found.names))}
    return View(screen_summaries.of_screen(found, 0), (picture,), tables, found.notes)


def knock_outs(found: KnockOutScores, asked: Asked) -> View:
    pictures = tuple(
        Picture(
            f"target_{k + 1}",
            knock_out_figures.genes(found, k, dark=asked.dark),
            knock_out_figures.describe_genes(found, k),
        )
        for k in range(min(len(found.targets), 4))
    )
    tables = {"scores": screen_summaries.rows_table(found), "targets": screen_summaries.target_table(found)}
    return View(screen_summaries.of_knock_outs(found), pictures, tables, found.notes)
