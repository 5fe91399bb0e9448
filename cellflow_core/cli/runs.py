"""`runs`: list, show, log, cancel, resume, delete, restore."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

from cellflow_core.cli.table import duration, table
from cellflow_core.runs import index, queue
from cellflow_core.runs.run import Run


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("runs", help="what was trained and what is being trained")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every run, newest first").set_defaults(do=_list)
    for name, help, do in (
        ("show", "where a run stands, and its recipe", _show),
        ("log", "the logs of its workers", _log),
        ("cancel", "stop it", _each(Run.cancel, "cancelled")),
        ("resume", "resume a failed or cancelled run from its newest checkpoint", _resume),
        ("delete", "move it to the trash", _each(Run.delete, "moved to the trash")),
    ):
        action = actions.add_parser(name, help=help)
        action.add_argument("run", help="id of the run", nargs="+" if name in ("cancel", "delete") else None)
        action.set_defaults(do=do)
    back = actions.add_parser("restore", help="bring it back from the trash")
    back.add_argument("run")
    back.set_defaults(do=lambda chosen: print(index.restore(chosen.run).id))


def _list(chosen: argparse.Namespace) -> None:
    rows, places = [], {run.id: k + 1 for k, run in enumerate(queue.line())}
    for run in index.runs():
        status = run.status()
        done = f"{status.step}/{status.steps}" if status.steps else ""
        state = f"{status.state} ({places[run.id]})" if run.id in places else status.state
        rows.append((run.id, state, done, duration(status.seconds), run.recipe.model, run.recipe.dataset, run.label))
    print(table(("id", "state", "steps", "time", "model", "data", "label"), rows) if rows else "no runs yet")
    for id, problem in index.damaged_runs():
        print(f"{id}: damaged, left out: {problem}")


def _show(chosen: argparse.Namespace) -> None:
    run = index.open_run(chosen.run)
    status = run.status()
    print(f"{run.label}\n{status.state}: step {status.step} of {status.steps}, {duration(status.seconds)}")
    print(f"device: {status.device or 'not chosen yet'}; attempt {status.attempt}; folder {run.folder}")
    if status.message:
        print(status.message)
    history = run.history()
    last = [(name, f"{values[-1]:.6g}") for name, values in history.items() if len(values) and name != "seconds"]
    if last:
        print(table(("newest", "value"), last))
    print(json.dumps(run.recipe.as_dict(), indent=1, ensure_ascii=False))


def _log(chosen: argparse.Namespace) -> None:
    print(index.open_run(chosen.run).log() or "no worker has claimed this run yet")


def _resume(chosen: argparse.Namespace) -> None:
    from cellflow_core.jobs.supervisor import ensure_supervisor

    run = index.open_run(chosen.run)
    run.resume()
    ensure_supervisor()
    print(f"{run.id} is in the queue again")


def _each(act: Callable[[Run], None], outcome: str) -> Callable[[argparse.Namespace], None]:
    def do(chosen: argparse.Namespace) -> None:
        for run in [index.open_run(id) for id in chosen.run]:
            ended = run.status().state if run.status().ended else ""
            act(run)
            state = "" if outcome != "cancelled" else run.status().state
            print(f"{run.id}: {'it had ended as ' + ended if ended and state else _cancelling(state) or outcome}")

    return do


def _cancelling(state: str) -> str:
    return "asked to stop" if state in ("starting", "running") else ""
