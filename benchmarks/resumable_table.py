"""A long table made in parts: written after every row, and rows of other models and seeds are kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import run_case

Row = dict[str, Any]


def one(
    found: dict[str, Any], asked: run_case.Trial, make: Callable[[run_case.Trial], Row] | None = None, **known: Any
) -> None:
    """Add a row (`trial.alone`), with what is known of it besides, or the sentence of what went wrong: one model that
    fails takes no other row with it."""
    where = " ".join(
        [
            f"{asked.model} seed {asked.seed} without {asked.fold:g}",
            *(str(each) for name, each in known.items() if name != "machine"),
        ]
    )
    try:
        row = run_case.alone(asked, make)
    except (ValueError, RuntimeError, ArithmeticError, MemoryError, BrokenProcessPool) as error:
        message = f"{type(error).__name__}: {error}"
        found["failed"].append(
            {**known, "model": asked.model, "seed": asked.seed, "fold": asked.fold, "error": message}
        )
        print(f"{where} failed: {message}", file=sys.stderr, flush=True)
    else:
        found["rows"].append(known | row)
        print(f"{where}: {row['w1']:.3f}", file=sys.stderr, flush=True)


def earlier(path: Path | None, made: dict[str, Any], alike: tuple[str, ...], again: Callable[[Row], bool]) -> list[Row]:
    """Rows of an earlier part of the same table, less those that are made again.

    alike  what both parts must agree in word for word; SystemExit where they have not
    """
    held = stored(path)
    if path is None or held is None:
        return []
    if any(held.get(key) != made[key] for key in alike):
        *others, last = (each for each in alike if each != "protocol")
        raise SystemExit(
            f"{path.name} holds a table of other {', '.join(others)} or {last}: name another file for --out"
        )
    return [row for row in held["rows"] if not again(row)]


def other_machine(path: Path | None, made: dict[str, Any]) -> dict[str, Any]:
    """Keep the machine of an earlier part of the table in `made`; what new rows say of theirs where it is another."""
    here = made["machine"]
    held = stored(path)
    if held is None:
        return {}
    made["machine"] = held["machine"]
    return {} if made["machine"] == here else {"machine": here["system"]}


def stored(path: Path | None) -> dict[str, Any] | None:
    """The table of an earlier part; None where there is none, or an empty file, as `mktemp` makes it."""
    if path is not None and path.is_dir():
        raise SystemExit(f"{path} is a folder: name a file for --out")
    if path is None or not path.exists() or not path.read_text().strip():
        return None
    try:
        held = json.loads(path.read_text())
    except ValueError:
        held = None
    if not isinstance(held, dict) or not {"rows", "machine"} <= held.keys():
        raise SystemExit(f"{path.name} is no table of this program: name another file for --out, or remove it")
    return held


def write(path: Path | None, found: dict[str, Any]) -> None:
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
