"""Answers about a run made anew, and their views as files: what exported scripts call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cellflow_core.analysis.results import Result
from cellflow_core.csv_output import write_table
from cellflow_core.jobs.analysis_cache import QUESTIONS
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.reporting.report import page
from cellflow_core.reporting.views.catalog import VIEWS
from cellflow_core.reporting.views.view import Asked, View
from cellflow_core.runs.index import open_run
from cellflow_core.workspace import Workspace


def calculated(question: str, run_id: str, settings: Mapping[str, Any], workspace: Workspace) -> tuple[Result, View]:
    """The answer to a question about a run, whatever is stored of it, and its view without the roll-out of the run.

    Raises KeyError where there is no such question, run or data set.
    """
    subject = RunContext(open_run(run_id, workspace))
    found = QUESTIONS[question](subject, **settings)
    return found, VIEWS[question][1](found, Asked(subject.dataset, settings))


def write(found: Result, view: View, folder: Path) -> tuple[Path, ...]:
    """Every array of the answer in answer.npz, its tables as .csv, the view in view.html. The folder is made if
    it is not there. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    found.save(folder / "answer.npz")
    written = [folder / "answer.npz"]
    for name, rows in view.tables.items():
        written.append(folder / f"{name}.csv")
        with written[-1].open("w", encoding="utf-8", newline="") as file:
            write_table(file, rows)
    written.append(folder / "view.html")
    written[-1].write_text(page.page(folder.name, [page.shown(view)]), encoding="utf-8")
    return tuple(written)
