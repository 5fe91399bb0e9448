"""The report of a run: figures, settings, texts, versions, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cellflow_core
from cellflow_core.analysis.results import TimeCourse
from cellflow_core.atomic_write import replacing
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset
from cellflow_core.distance_units import heading as distance_heading
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.jobs.error_messages import USER_FACING_ERRORS, user_message
from cellflow_core.jobs.run_context import RunContext, held_out_copies, replicates
from cellflow_core.reporting.formatting import as_sentence
from cellflow_core.reporting.held_out import held_out_error
from cellflow_core.reporting.report import page
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.run_tables import command_line, of_recipe
from cellflow_core.reporting.texts import three_texts
from cellflow_core.reporting.views.catalog import VIEWS
from cellflow_core.reporting.views.script import view_script
from cellflow_core.reporting.views.view import Asked
from cellflow_core.runs.index import open_run
from cellflow_core.runs.run import Run
from cellflow_core.selection.model_cards import ModelCard, card
from cellflow_core.time_units import format_time, format_times

Question = tuple[str, dict[str, Any]]
_TEXTS = {"landscape": "landscape", "flow": "flow", "course": "time", "fates": "fates", "velocity": "rna_velocity"}
_TEXTS |= {"transition_fates": "fates", "gene_network": "genes", "perturb": "perturb", "prediction_errors": "courses"}
"""Question -> name of its three texts."""


def write_report(run_id: str, path: str, asked: Sequence[Question] = ()) -> None:
    """Write the report of a run, see `report`, to an .html file, which is there whole or not at all."""
    text = report(run_id, asked)
    with replacing(Path(path)) as part:
        part.write_text(text, encoding="utf-8")


def report(run_id: str, asked: Sequence[Question] = ()) -> str:
    """The report of a run that is done, as HTML in one file: the views that are `asked` for, as (question, settings),
    then the usual ones of its model. Answers that are stored are read, others calculated.

    A view that cannot be calculated says why. Raises KeyError where the run or its data set is gone, ValueError where
    it is not done or the data set has changed since.
    """
    run = open_run(run_id)
    if run.status().state != "done":
        raise ValueError(f"run {run.label!r} is not done, so there is nothing to report yet")
    dataset, kind = run.dataset(), card(run.recipe.model)
    usual = usual_questions(run, dataset, kind)
    known = {name for name, _ in asked}
    views = [*asked, *(each for each in usual if each[0] not in known)]
    roll_out = _course(run)[0] if "course" in {name for name, _ in usual} else None
    parts = [
        page.heading(run.label, 1),
        page.paragraph(f"{kind.title}. {kind.summary}"),
        page.paragraph(f"{kind.paper}. Trained on {dataset.info.label}.", "muted"),
        page.paragraph(
            f"CellFlow Explorer {cellflow_core.__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "muted"
        ),
        _trust(run, kind, roll_out),
        *(_view(run, dataset, each, roll_out) for each in views),
        _data(dataset),
        _settings(run),
        _again(run, views),
    ]
    return page.page(f"Report: {run.label}", parts)


def usual_questions(run: Run, dataset: Dataset, kind: ModelCard) -> list[Question]:
    """What a report shows unasked: the views that the model and the data allow, with their default settings."""
    has, data = kind.capabilities_with(run.recipe.settings), set(dataset.info.has)
    field, timed = has & {"velocity", "drift"}, DataRequirement.TIMES in data
    moves = bool(field or has & {"coupling", "sampler"})
    rolls = kind.tracks_cells and (moves or "potential" in has)
    genes = bool(dataset.snapshots().space.genes)
    found = {
        "scores": run.recipe.hold_out is not None and moves,
        "course": moves and timed,
        "landscape": rolls,
        "flow": bool(field) or "coupling" in has,
        "velocity": "velocity" in has and DataRequirement.MOMENTS in data,
        "fates": rolls and timed,
        "transition_fates": not (rolls and timed) and "transitions" in has,
        "composition": rolls and timed and bool(dataset.info.annotations),
        "lineages": "lineages" in has or {"latent_time", "transitions"} <= has,
        "gene_network": genes and bool("network" in has or field),
    }
    questions: list[Question] = [(name, {}) for name, there in found.items() if there]
    by = {"by": next(iter(dataset.info.annotations), "")}
    questions = [(name, by if name == "composition" else settings) for name, settings in questions]
    if "courses" in has and (variables := RunContext(run).trajectories.variables):
        questions += [(each, {"variable": variables[0]}) for each in ("prediction_errors", "predictive_check")]
    return questions


def _course(run: Run) -> tuple[TimeCourse | None, str]:
    """(the roll-out of a run beside the measured cells, "") or (None, why there is none)."""
    try:
        found = answer("course", run.id)
    except USER_FACING_ERRORS as error:
        return None, as_sentence(user_message(error))
    assert isinstance(found, TimeCourse)
    return found, ""


def _view(run: Run, dataset: Dataset, question: Question, roll_out: TimeCourse | None) -> str:
    name, settings = question
    title, view_of = VIEWS[name]
    parts = [page.heading(title)]
    try:
        found = answer(name, run.id, **settings)
    except USER_FACING_ERRORS as error:
        return "".join((*parts, page.paragraph(f"This was not calculated: {as_sentence(user_message(error))}")))
    parts.append(page.shown(view_of(found, Asked(dataset, settings, roll_out))))
    if name in _TEXTS:
        parts.append(page.folded("How to read it, and what it cannot tell", page.texts(three_texts(_TEXTS[name]))))
    if settings:
        words = {"setting": list(settings), "value": [str(each) for each in settings.values()]}
        parts.append(page.folded("Settings of this view", page.table(words, most=None)))
    return "".join(parts)


def _trust(run: Run, kind: ModelCard, roll_out: TimeCourse | None) -> str:
    """How far from measured cells, at held-out times where there are any; how many seeds; what the model cannot do."""
    parts = [page.heading("How far to trust it")]
    if kind.limitation:
        parts.append(page.paragraph(kind.limitation))
    held = []
    for copy in held_out_copies(run):
        course, failed = _course(copy)
        if course is None:
            parts.append(page.paragraph(f"{copy.label} could not be tested: {failed}"))
        elif copy.recipe.hold_out is not None:
            held += held_out_error(course, copy.recipe.hold_out)
    if run.recipe.hold_out is not None and roll_out is not None:
        held += held_out_error(roll_out, run.recipe.hold_out)
    if held:
        columns = {"w1": "of this model", "previous": "of the previous snapshot", "floor": "of the sampling floor"}
        rows: Rows = {"held-out time": [format_time(each.time) for each in held]}
        rows |= {distance_heading("w1", of): [round(getattr(each, k), 4) for each in held] for k, of in columns.items()}
        parts.append(page.table(rows, "held_out", most=None))
    else:
        parts.append(
            page.paragraph("No time was held out: nothing here was tested on cells that the model has not seen.")
        )
    seeds = len(replicates(run)) + 1
    words = f"{seeds} seeds were trained; intervals cover them." if seeds > 1 else "One seed was trained."
    return "".join((*parts, page.paragraph(words)))


def _data(dataset: Dataset) -> str:
    info = dataset.info
    rows: Rows = {
        "of the data": ["name", "source", "cells", "state space", "times", "fingerprint"],
        "value": [
            info.label,
            info.source,
            f"{info.cells:,}",
            f"{info.space}, {info.dim} axes",
            f"{', '.join(format_times(info.times)) or 'not known'} {info.time_unit}".strip(),
            info.fingerprint,
        ],
    }
    return page.heading("Data") + page.table(rows, most=None) + page.listed((*info.steps, *info.notes))


def _settings(run: Run) -> str:
    return page.heading("Settings and versions") + page.table(of_recipe(run, run.status()), most=None)


def _again(run: Run, views: Sequence[Question]) -> str:
    asked = [(name, run.id, settings) for name, settings in views]
    return "".join(
        (
            page.heading("Make it again"),
            page.paragraph("The command that trains the same weights:"),
            page.code(command_line(run)),
            page.paragraph("The script that gives the numbers of these views:"),
            page.code(view_script(asked)),
        )
    )
