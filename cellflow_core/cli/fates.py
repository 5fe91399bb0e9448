"""`fates` and `futures`: what becomes of the cells of the first time, and of one cell followed many times."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli.table import table


def add(commands: Any, argv: Sequence[str]) -> None:
    fates = commands.add_parser("fates", help="share of each fate, with and without growth", description=_fates.__doc__)
    futures = commands.add_parser("futures", help="many futures of one cell", description=_futures.__doc__)
    futures.add_argument("--cell", type=int, help="row of the data set (default: the most typical of the first time)")
    futures.add_argument("--count", type=int, default=200, help="futures to draw")
    for parser, do in ((fates, _fates), (futures, _futures)):
        parser.add_argument("run", help="id of the run")
        parser.add_argument("--states", default="found", help='"found", or an annotation whose values are the fates')
        parser.add_argument("--out", type=Path, help="also write the table to this .csv")
        parser.set_defaults(do=do)


def _fates(chosen: argparse.Namespace) -> None:
    """Follow the cells of the first time to the last, and count where they end."""
    from cellflow_core.analysis.results import Fates
    from cellflow_core.jobs.answers import answer

    found = answer("fates", chosen.run, states=chosen.states)
    if not isinstance(found, Fates):
        raise TypeError(f"the answer is a {type(found).__name__}, not a Fates")
    columns: dict[str, Any] = {
        "fate": found.names,
        "share": found.share,
        "low": found.low,
        "high": found.high,
        "measured": found.measured,
    }
    if found.ungrown is not None:
        columns |= dict(zip(("once low", "each cell once", "once high"), found.ungrown.T, strict=True))
    _told(columns, (f"Interval: {found.interval}.", *found.notes), chosen.out)


def _futures(chosen: argparse.Namespace) -> None:
    """Follow one cell many times with the noise of the model, and count where it ends."""
    from cellflow_core.analysis.results import Futures
    from cellflow_core.jobs.answers import answer

    found = answer("futures", chosen.run, states=chosen.states, cell=chosen.cell, count=chosen.count)
    if not isinstance(found, Futures):
        raise TypeError(f"the answer is a {type(found).__name__}, not a Futures")
    columns: dict[str, Any] = {"fate": found.names, "share": found.share, "low": found.low, "high": found.high}
    ways = found.paths.shape[1]
    _told(columns, (f"{found.start}, {ways} futures. Interval: {found.interval}.", *found.notes), chosen.out)


def _told(columns: dict[str, Any], notes: Sequence[str], out: Path | None) -> None:
    rows = [(name, *(f"{value:.4f}" for value in values)) for name, *values in zip(*columns.values(), strict=True)]
    print(table(tuple(columns), rows))
    for note in notes:
        print(note)
    if out is not None:
        import pandas as pd

        pd.DataFrame(columns).to_csv(out, index=False)
