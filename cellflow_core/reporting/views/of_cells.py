"""Views of how cells move and where they settle."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import (
    Ancestry,
    CellBranches,
    CellLineages,
    ClonalBias,
    Composition,
    Fates,
    FlowField,
    Landscape,
    TimeCourse,
    TrajectoryEnsemble,
)
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import fates as fate_figures
from cellflow_core.figures import flow as flow_figures
from cellflow_core.figures import landscape as landscape_figures
from cellflow_core.figures import population_size, time, trajectory_ensemble
from cellflow_core.figures.fields import colourings
from cellflow_core.figures.lineage import ancestry as ancestry_figures
from cellflow_core.figures.lineage import clones as clone_figures
from cellflow_core.figures.lineage import composition as composition_figures
from cellflow_core.figures.lineage import lineages as lineage_figures
from cellflow_core.plural import counted
from cellflow_core.reporting import (
    cell_rows,
    composition_summaries,
    fate_summaries,
    growth_summaries,
    result_tables,
    summaries,
)
from cellflow_core.reporting.held_out import telling_time
from cellflow_core.reporting.views.view import Asked, Picture, View


def landscape(found: Landscape, asked: Asked) -> View:
    figure = landscape_figures.landscape(found, unit=asked.unit, dark=asked.dark, height=560)
    summary = summaries.limited(summaries.of_landscape(found, asked.unit), asked.course, asked.unit)
    picture = Picture("landscape", figure, landscape_figures.describe(found))
    table = cell_rows.on_landscape(found, asked.dataset, asked.unit)
    return View(summary, (picture,), {"landscape": table}, found.notes)


def flow(found: FlowField, asked: Asked) -> View:
    one_time = DataRequirement.TIMES not in asked.dataset.info.has
    points, words = asked.dataset.embedding(found.view), flow_figures.describe(found)
    pictures = [Picture("flow", flow_figures.flow(found, points, dark=asked.dark), words)]
    tables = {"flow": result_tables.of_flow(found)}
    if found.growth is not None:
        grown = flow_figures.flow(found, points, colouring=colourings.growth_colouring(found), dark=asked.dark)
        pictures.append(Picture("growth", grown, words))
        tables["growth"] = cell_rows.named(result_tables.of_growth(found), asked.dataset, found.rows)
    summary = summaries.of_flow(found, asked.unit, asked.course, one_time)
    return View(
        summary, tuple(pictures), tables, (*_sentences(growth_summaries.of_flow(found, asked.unit)), *found.notes)
    )


def course(found: TimeCourse, asked: Asked) -> View:
    data = asked.dataset.snapshots()
    shown = telling_time(found, ())
    here = np.isclose(data.t, shown, rtol=1e-6, atol=1e-9)
    points = asked.dataset.embedding(found.view)
    cells = time.cells_at(found, shown, points[here] if here.any() else None, points, dark=asked.dark)
    pictures = [
        Picture("cells", cells, time.describe(found, shown)),
        Picture("error", time.error(found, dark=asked.dark), time.describe_error(found)),
    ]
    tables = {"error": result_tables.of_course(found)}
    if found.mass is not None:
        tables["population_size"] = result_tables.of_mass(found)
        figure = population_size.mass(found, dark=asked.dark)
        pictures.append(Picture("population_size", figure, population_size.describe(found)))
    summary = summaries.of_course(found, shown, (), asked.unit)
    return View(
        summary, tuple(pictures), tables, (*_sentences(growth_summaries.of_course(found, asked.unit)), *found.notes)
    )


def fates(found: Fates, asked: Asked) -> View:
    info = asked.dataset.info
    axes, dark = asked.dataset.view_axes(found.view), asked.dark
    cells = fate_figures.cell_fates(found, asked.dataset.embedding(found.view), axes, None, dark=dark)
    pictures = (
        Picture("shares", fate_figures.fates(found, dark=dark), fate_figures.describe(found)),
        Picture("cells", cells, fate_figures.describe_cells(found)),
    )
    rows = cell_rows.named(result_tables.of_cell_fates(found, axes), asked.dataset, found.rows)
    tables = {"shares": result_tables.of_fates(found), "cells": rows}
    summary = summaries.limited(
        fate_summaries.of_fates(found, info.times, info.time_unit), asked.course, info.time_unit
    )
    notes = (*_sentences(growth_summaries.of_fates(found)), f"Interval: {found.interval}.", *found.notes)
    return View(summary, pictures, tables, notes)


def branches(found: CellBranches, asked: Asked) -> View:
    count = found.weight.shape[1]
    table = {f"branch {k + 1}": found.weight[:, k].tolist() for k in range(count)}
    words = f"{found.title} puts the cells on {counted(count, 'branch', 'branches')}."
    return View(words, (), {"branches": cell_rows.of_all(table, asked.dataset)}, found.notes)


def lineages(found: CellLineages, asked: Asked) -> View:
    points = asked.dataset.embedding(found.view)
    drawn: dict[lineage_figures.Colour, bool] = {
        "order": True,
        "other": found.other_order is not None,
        "branch": len(found.names) > 1,
    }
    pictures = tuple(
        Picture(
            each,
            lineage_figures.lineages(found, points, each, dark=asked.dark),
            lineage_figures.describe(found, each),
        )
        for each, there in drawn.items()
        if there
    )
    rows = cell_rows.of_all(result_tables.of_cell_lineages(found, points), asked.dataset)
    tables = {"lineages": result_tables.of_lineages(found), "cells": rows}
    return View(fate_summaries.of_lineages(found), pictures, tables, found.notes)


def futures(found: TrajectoryEnsemble, asked: Asked) -> View:
    words, dark = trajectory_ensemble.describe(found), asked.dark
    fan = trajectory_ensemble.trajectory_fan(found, asked.dataset.embedding(found.view), dark=dark)
    pictures = [Picture("futures", fan, words)]
    if found.paths.shape[1] > 1:
        pictures.append(Picture("ends", trajectory_ensemble.split(found, dark=dark), words))
        pictures.append(Picture("spread", trajectory_ensemble.spread(found, dark=dark), words))
    tables = {"futures": result_tables.of_futures(found), "ends": result_tables.of_fate_proportions(found)}
    notes = (*found.notes, f"Interval: {found.interval}.")
    return View(fate_summaries.of_futures(found), tuple(pictures), tables, notes)


def ancestry(found: Ancestry, asked: Asked) -> View:
    words = ancestry_figures.describe(found)
    pictures = [Picture("cells", ancestry_figures.cells(found, dark=asked.dark), words)]
    if found.names:
        pictures.append(Picture("groups", ancestry_figures.groups(found, dark=asked.dark), words))
    return View(words, tuple(pictures), {"ancestry": result_tables.of_ancestry(found)}, found.notes)


def clones(found: ClonalBias, asked: Asked) -> View:
    words = clone_figures.describe(found)
    pictures = (
        Picture("clones", clone_figures.clones(found, dark=asked.dark), words),
        Picture("curve", clone_figures.curve(found, dark=asked.dark), words),
    )
    notes = (*found.notes, f"Interval: {found.interval}.")
    return View(fate_summaries.of_clones(found), pictures, {"clones": result_tables.of_clones(found)}, notes)


def composition(found: Composition, asked: Asked) -> View:
    figures, words = composition_figures, composition_summaries
    pictures = [Picture("river", figures.river(found, dark=asked.dark), figures.describe_river(found))]
    tables = {"shares": words.share_rows(found)}
    if len(found.flow):
        pictures.append(Picture("flows", figures.sankey(found, dark=asked.dark), figures.describe_sankey(found)))
        tables["flows"] = words.flow_rows(found)
    return View(words.of_composition(found), tuple(pictures), tables, found.notes)


def _sentences(sentence: str) -> tuple[str, ...]:
    return (sentence,) if sentence else ()
