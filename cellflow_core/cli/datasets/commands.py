"""`data`: list, demo, delete, restore; what makes, reads, fetches, changes and tells of data has files of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import export
from cellflow_core.cli.datasets import downloads, history, import_data, make, step
from cellflow_core.cli.table import table
from cellflow_core.time_units import format_times, pluralize


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("data", help="data sets: list, make, fetch, import, export, delete")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every data set").set_defaults(do=_list)
    demo = actions.add_parser("demo", help="make a demo that ships with the project")
    demo.add_argument("name", nargs="?", help="without a name, the demos are listed")
    demo.add_argument("--all", action="store_true", help="make every demo")
    demo.set_defaults(do=_demo)
    make.add(actions, argv)
    import_data.add(actions, argv)
    downloads.add(actions)
    step.add(actions, argv)
    history.add(actions)
    export.add_dataset(actions)
    for name, help, do in (("delete", "move to the trash", _delete), ("restore", "bring back", _restore)):
        action = actions.add_parser(name, help=help)
        action.add_argument("id")
        action.set_defaults(do=do)


def _list(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import damaged_datasets, datasets

    rows = [
        (each.id, f"{each.cells:,}", each.dim, each.space, _times(each.times, each.time_unit), each.label)
        for each in datasets()
    ]
    print(table(("id", "cells", "axes", "space", "times", "label"), rows) if rows else "no data sets yet")
    for each in damaged_datasets():
        print(each)


def _times(times: Sequence[float], unit: str) -> str:
    shown = format_times(times)
    text = ", ".join(shown if len(shown) <= 8 else [*shown[:6], "...", shown[-1]])
    return f"{text} {pluralize(unit)}".strip()


def _demo(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.importing.demos import DEMOS, make

    if chosen.name is None and not chosen.all:
        print(table(("name", "label"), [(each.name, each.label) for each in DEMOS]))
        return
    for name in [each.name for each in DEMOS] if chosen.all else [str(chosen.name)]:
        print(make(name, on_progress=lambda stage: print(stage, file=sys.stderr)))


def _delete(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import delete

    delete(chosen.id)
    print(f"{chosen.id} is in the trash; data restore {chosen.id} brings it back")


def _restore(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import restore

    restore(chosen.id)
    print(chosen.id)
