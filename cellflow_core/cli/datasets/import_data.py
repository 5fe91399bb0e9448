"""`data inspect` and `data import`: a file, by its path or by the id under which it was fetched, into a data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import options
from cellflow_core.cli.table import table
from cellflow_core.plural import counted
from cellflow_core.reporting import file_contents
from cellflow_core.reporting.setting_names import in_shell
from cellflow_core.workspace import limits

if TYPE_CHECKING:
    from cellflow_core.data.importing.time_columns import TimeCandidate
    from cellflow_core.data.importing.uploads import Source


def add(actions: Any, argv: Sequence[str]) -> None:
    inspect = actions.add_parser("inspect", help="what a file holds, and which column may be the time")
    inspect.add_argument("file", help="a path, or the id that data get and data fetch print")
    inspect.add_argument("--matrix", default="", help="where the values are: X, raw or layers:NAME")
    inspect.add_argument("--orientation", default="", choices=("cells", "genes"), help="what stands in the rows")
    inspect.set_defaults(do=_inspect)
    load = actions.add_parser("import", help="make a data set of a file")
    load.add_argument("file", help="a path, or the id that data get and data fetch print")
    load.add_argument(
        "--time",
        required=True,
        metavar="COLUMN",
        help='column that holds the time of each cell, whatever it looks like; "" where there is none',
    )
    load.add_argument(
        "--number",
        action="append",
        default=[],
        metavar="LABEL=NUMBER",
        help="time of a label; LABEL= leaves its cells out",
    )
    load.add_argument(
        "--order",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="labels of the time, the earliest first: their times are 0, 1, 2 ... stages; for stages whose distances "
        "are not known",
    )
    if list(argv[:2]) == ["data", "import"]:
        options.add_settings(load, _choices())
    load.set_defaults(do=_import)


def _choices() -> tuple[Any, ...]:
    from cellflow_core.data.importing.pipeline import ImportChoices

    return tuple(each for each in ImportChoices.settings() if each.name != "time_column")


def _inspect(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.importing import uploads

    source = _source(chosen.file)
    found = _alone("inspect_file", source, matrix=chosen.matrix, orientation=chosen.orientation)
    if source.path.is_symlink():
        uploads.discard(source.id)
    row = "sample" if found.individuals else "cell"
    size = f"{counted(found.cells, row)}, {counted(found.features, 'feature')}"
    print(f"{found.name}: {found.format}, {size}, looks like {found.looks}")
    for question in (file_contents.values_question(found), file_contents.orientation_question(found)):
        if question:
            print(f"unclear: {question}")
    for each in found.perturbations:
        controls = f"controls {', '.join(each.controls[:6])}" if each.controls else "no controls (--control-labels)"
        print(f"perturbation (--perturbation-column): {each.place}, {counted(each.targets, 'target')}, {controls}")
    if found.missing:
        print(f"missing values: {in_shell(found.missing)}")
    if len(found.matrices) > 1:
        print(f"values can be taken from (--matrix): {', '.join(found.matrices)}")
    print(f"annotations: {', '.join(found.annotations) or 'none'}; other states: {', '.join(found.obsm) or 'none'}")
    seconds = [f"{name} ({counted(count, 'feature')})" for name, count in found.modalities.items()]
    beside = {"layers": found.layers, "velocities": found.velocities, "growth": found.growth, "views": found.pictures}
    beside |= {"second modalities": seconds}
    print("; ".join(f"{name}: {', '.join(held)}" for name, held in beside.items() if held) or "nothing beside these")
    if found.summary:
        rows = [(name, *(f"{each:,.4g}" for each in three)) for name, three in found.summary.items()]
        print(table(("of each cell", "5 %", "median", "95 %"), rows))
    if found.proposed:
        print("usual filters: " + " ".join(f"--{k.replace('_', '-')} {v:g}" for k, v in found.proposed.items()))
    for each in found.candidates:
        print(f"\ntime column {each.column} ({each.unit or 'no unit'})")
        if each.kind == "continuous":
            print(f"{counted(each.known, row)} from {each.low:g} to {each.high:g}: cut it with --windows")
            continue
        if note := file_contents.dates_note(each):
            print(note)
        numbers = [_number(each, label) for label in each.labels]
        print(table(("label", "number", f"{row}s"), list(zip(each.labels, numbers, each.counts, strict=True))))
    if found.other_columns:
        others = ", ".join(each.column for each in found.other_columns)
        print(f"\nany other column can be the time by --number or --order: {others}")
    for note in found.notes:
        print(in_shell(note))
    print("\n" + table(file_contents.HEAD, file_contents.rows(found.contents, in_shell)))


def _number(candidate: TimeCandidate, label: str) -> str:
    if label in candidate.open:
        return "to be given"
    number = candidate.proposed[label]
    return "left out" if number is None else f"{number:g}"


def _import(chosen: argparse.Namespace) -> None:
    from cellflow_core.data import store
    from cellflow_core.data.importing import uploads
    from cellflow_core.data.importing.pipeline import ImportChoices
    from cellflow_core.data.importing.time_order import ORDER_UNIT

    source = _source(chosen.file)
    settings = options.given(chosen, _choices())
    reading = {each: settings.get(each, "") for each in ("matrix", "orientation")}
    found = _alone("inspect_file", source, time_column=chosen.time, **reading)
    given = {"label": Path(source.name).stem, "time_column": chosen.time, "unit": ""}
    if found.looks == "coordinates" and settings.get("values", "coordinates") == "coordinates":
        given["representation"] = "coordinates"
    numbers: dict[str, float | None] = {}
    if chosen.time and not found.ready:
        candidate = next(
            (each for each in (*found.candidates, *found.other_columns) if each.column == chosen.time), None
        )
        if candidate is None:
            there = ", ".join(each.column for each in (*found.candidates, *found.other_columns)) or "none"
            raise ValueError(
                f"{found.name} has no column {chosen.time!r} for the time; columns that can be it: {there}"
            )
        numbers = _numbers(chosen.order, chosen.number, candidate)
        given["unit"] = ORDER_UNIT if chosen.order else candidate.unit
        if not given["unit"] and "unit" not in settings:
            raise ValueError(file_contents.unit_question(candidate))
    for question, asked in (
        (file_contents.values_question(found), "values"),
        (file_contents.orientation_question(found), "orientation"),
    ):
        if question and asked not in settings:
            raise ValueError(f"{found.name}: {question}")
    made = _alone("import_file", source, ImportChoices.from_dict(given | settings), numbers, on_progress=_log)
    uploads.attach_to_dataset(source.id, made)
    info = store.open_dataset(made).info
    for step in info.steps:
        _log(step)
    for note in info.notes:
        _log(f"note: {in_shell(note)}")
    _log(table(file_contents.HEAD, file_contents.rows(info.contents, in_shell)))
    print(made)


def _log(stage: str) -> None:
    print(stage, file=sys.stderr)


def _numbers(order: Sequence[str], pairs: Sequence[str], candidate: TimeCandidate) -> dict[str, float | None]:
    """The time of each label: as proposed, by its place in `order`, or as `--number LABEL=NUMBER` gives it.

    Raises ValueError where one is left open."""
    from cellflow_core.data.importing.time_order import numbers_given

    numbers = numbers_given(candidate.labels, candidate.proposed, order, dict(map(_number_of, pairs)))
    left = {
        label: cells
        for label, cells in zip(candidate.labels, candidate.counts, strict=True)
        if label not in numbers and candidate.kind == "labels"
    }
    if left:
        cells = ", ".join(f"{label} ({counted(count, 'cell')})" for label, count in left.items())
        why = "; ".join(dict.fromkeys(candidate.reasons[label] for label in left if label in candidate.reasons))
        what = "are not in the order" if order else f"have no clear time{f' ({why})' if why else ''}"
        raise ValueError(
            f'labels of column {candidate.column!r} {what}: {cells}; give each one with --number "LABEL=NUMBER", '
            'name all labels from the earliest to the latest with --order, or leave cells out with --number "LABEL="'
        )
    return numbers


def _number_of(pair: str) -> tuple[str, float | None]:
    label, equals, text = pair.rpartition("=")
    if not equals:
        raise ValueError(f"--number {pair!r} is not of the form LABEL=NUMBER")
    try:
        return label, float(text) if text else None
    except ValueError as error:
        raise ValueError(f"--number {pair!r}: {text!r} is not a number") from error


def _source(text: str) -> Source:
    """A file that was fetched, by its id, or one of this machine, by its path."""
    from cellflow_core.data.importing import uploads

    return uploads.opened(
        text if uploads.is_id(text) and not Path(text).exists() else uploads.register_local_file(text)
    )


def _alone(function: str, source: Source, *args: Any, **kwargs: Any) -> Any:
    """A reader that meets a damaged file may crash: it does so in a process of its own."""
    from cellflow_core.jobs import sandbox

    path = f"cellflow_core.data.importing.pipeline:{function}"
    seconds = limits().import_seconds
    return sandbox.run_isolated(path, str(source.path), source.name, *args, seconds=seconds, **kwargs).result()
