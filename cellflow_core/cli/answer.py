"""The answer of an analysis in a terminal: summary and trust, table, notes; the table as CSV too."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cellflow_core.cli.table import columns
from cellflow_core.csv_output import write_table
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary

if TYPE_CHECKING:
    from cellflow_core.analysis.results import TimeCourse

Answer = TypeVar("Answer")


def ask(kind: type[Answer], question: str, chosen: argparse.Namespace, /, **settings: Any) -> Answer:
    """The answer of this kind about the run that was named, stored or new."""
    from cellflow_core.jobs.analysis_cache import answer

    found = answer(question, chosen.run, **settings)
    if not isinstance(found, kind):
        raise TypeError(f"the answer is a {type(found).__name__}, not a {kind.__name__}")
    return found


def roll_out(chosen: argparse.Namespace) -> TimeCourse | None:
    """The roll-out of the run beside the measured cells; None where fewer than two times were measured."""
    from cellflow_core.analysis.results import TimeCourse
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.runs.index import open_run

    if DataRequirement.TIMES not in RunContext(open_run(chosen.run)).dataset.info.has:
        return None
    return ask(TimeCourse, "course", chosen)


def show(summary: Summary | str, rows: Rows, notes: Sequence[str], out: Path | None = None) -> None:
    """Print an answer; with `out`, write its table there too."""
    if isinstance(summary, str):
        print(summary)
    else:
        print(f"{summary.answer}\nTrust: {summary.trust}. {summary.why}")
    print(f"\n{columns(rows)}\n")
    for note in notes:
        print(note)
    if out is not None:
        write_csv(rows, out)


def write_csv(rows: Rows, path: Path) -> None:
    """One line a row under the names of the columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_table(file, rows)
