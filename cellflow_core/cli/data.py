"""`data`: list, demo, inspect, import, delete, restore."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli import flags
from cellflow_core.cli.table import table


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("data", help="data sets: list, demos, import, delete")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every data set").set_defaults(do=_list)
    demo = actions.add_parser("demo", help="make a demo that ships with the project")
    demo.add_argument("name", nargs="?", help="without a name, the demos are listed")
    demo.add_argument("--all", action="store_true", help="make every demo")
    demo.set_defaults(do=_demo)
    inspect = actions.add_parser("inspect", help="what a file holds, and which column may be the time")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(do=_inspect)
    load = actions.add_parser("import", help="make a data set of a file")
    load.add_argument("file", type=Path)
    load.add_argument("--time", required=True, metavar="COLUMN", help="column that holds the time of each cell")
    load.add_argument(
        "--number",
        action="append",
        default=[],
        metavar="LABEL=NUMBER",
        help="number of a time label; LABEL= leaves out",
    )
    if list(argv[:2]) == ["data", "import"]:
        flags.add_settings(load, _choices())
    load.set_defaults(do=_import)
    for name, help, do in (("delete", "move to the trash", _delete), ("restore", "bring back", _restore)):
        action = actions.add_parser(name, help=help)
        action.add_argument("id")
        action.set_defaults(do=do)


def _choices() -> tuple[Any, ...]:
    from cellflow_core.data.importing import ImportChoices

    return tuple(each for each in ImportChoices.settings() if each.name != "time_column")


def _list(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import datasets, problems

    rows = [
        (each.id, f"{each.cells:,}", each.dim, each.space, _times(each.times, each.time_unit), each.label)
        for each in datasets()
    ]
    print(table(("id", "cells", "axes", "space", "times", "label"), rows) if rows else "no data sets yet")
    for each in problems():
        print(each)


def _times(times: Sequence[float], unit: str) -> str:
    shown = [f"{each:g}" for each in times]
    text = ", ".join(shown if len(shown) <= 8 else [*shown[:6], "...", shown[-1]])
    return f"{text} {unit}".strip()


def _demo(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.demos import DEMOS, make

    if chosen.name is None and not chosen.all:
        print(table(("name", "label"), [(each.name, each.label) for each in DEMOS]))
        return
    for name in [each.name for each in DEMOS] if chosen.all else [str(chosen.name)]:
        print(make(name, say=print))


def _inspect(chosen: argparse.Namespace) -> None:
    found = _alone("inspect_file", chosen.file)
    print(f"{found.name}: {found.format}, {found.cells:,} cells, {found.features:,} features, looks like {found.looks}")
    print(f"annotations: {', '.join(found.annotations) or 'none'}; other states: {', '.join(found.obsm) or 'none'}")
    for each in found.candidates:
        print(f"\ntime column {each.column} ({each.unit or 'no unit'})")
        numbers = ["left out" if number is None else f"{number:g}" for number in each.numbers]
        print(table(("label", "number", "cells"), list(zip(each.labels, numbers, each.counts, strict=True))))
    for note in found.notes:
        print(note)


def _import(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.importing import ImportChoices

    found = _alone("inspect_file", chosen.file)
    candidate = next((each for each in found.candidates if each.column == chosen.time), None)
    if candidate is None:
        there = ", ".join(each.column for each in found.candidates) or "none"
        raise ValueError(f"{chosen.time!r} is no column that can be a time; columns that can: {there}")
    numbers = dict(zip(candidate.labels, candidate.numbers, strict=True))
    for pair in chosen.number:
        label, equals, text = pair.rpartition("=")
        if not equals or label not in numbers:
            raise ValueError(f"--number {pair!r}: LABEL=NUMBER with a label out of {', '.join(numbers)}")
        try:
            numbers[label] = float(text) if text else None
        except ValueError as error:
            raise ValueError(f"--number {pair!r}: {text!r} is not a number") from error
    given = {"label": chosen.file.stem, "unit": candidate.unit} | flags.given(chosen, _choices())
    print(_alone("import_file", chosen.file, ImportChoices.of(given | {"time_column": chosen.time}), numbers))


def _alone(function: str, file: Path, *args: Any) -> Any:
    """A reader that meets a damaged file may crash: it does so in a process of its own."""
    from cellflow_core.jobs import alone

    if not file.is_file():
        raise ValueError(f"there is no file {file}")
    return alone.call(f"cellflow_core.data.importing:{function}", file, file.name, *args).result()


def _delete(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import delete

    delete(chosen.id)
    print(f"{chosen.id} is in the trash; data restore {chosen.id} brings it back")


def _restore(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import restore

    restore(chosen.id)
    print(chosen.id)
