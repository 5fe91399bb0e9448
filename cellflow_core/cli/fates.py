"""`fates`, `futures`, `ancestry` and `clones`: what becomes of cells, whence they come, and what their clones say."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cellflow_core.cli.table import table

Answer = TypeVar("Answer")


def add(commands: Any, argv: Sequence[str]) -> None:
    fates = commands.add_parser("fates", help="share of each fate, with and without growth", description=_fates.__doc__)
    futures = commands.add_parser("futures", help="many futures of one cell", description=_futures.__doc__)
    futures.add_argument("--cell", type=int, help="row of the data set (default: the most typical of the first time)")
    futures.add_argument("--count", type=int, default=200, help="futures to draw")
    for parser in (fates, futures):
        parser.add_argument("--states", default="found", help='"found", or an annotation whose values are the fates')
    ancestry = commands.add_parser("ancestry", help="where a group of cells comes from", description=_ancestry.__doc__)
    ancestry.add_argument("--by", required=True, metavar="COLUMN", help="annotation whose values are the groups")
    ancestry.add_argument("--of", required=True, metavar="VALUE", help="the group")
    ancestry.add_argument(
        "--at", type=float, metavar="TIME", help="when it was measured (default: the last time it was met)"
    )
    clones = commands.add_parser("clones", help="fates against those of clones", description=_clones.__doc__)
    clones.add_argument("--by", required=True, metavar="COLUMN", help="annotation that holds the fates")
    clones.add_argument("--fates", required=True, nargs=2, metavar=("A", "B"), help="two of its values")
    clones.add_argument("--early", default="", metavar="VALUE", help="value that early cells have (default: any other)")
    for parser, do in ((fates, _fates), (futures, _futures), (ancestry, _ancestry), (clones, _clones)):
        parser.add_argument("run", help="id of the run")
        parser.add_argument("--out", type=Path, help="also write the table to this .csv")
        parser.set_defaults(do=do)


def _fates(chosen: argparse.Namespace) -> None:
    """Follow the cells of the first time to the last, and count where they end."""
    from cellflow_core.analysis.results import Fates

    found = _answer(Fates, "fates", chosen, states=chosen.states)
    columns = {
        "fate": found.names,
        "share": found.share,
        "low": found.low,
        "high": found.high,
        "measured": found.measured,
    }
    if found.without_growth is not None:
        columns |= dict(zip(("once low", "each cell once", "once high"), found.without_growth.T, strict=True))
    _print_table(columns, (f"Interval: {found.interval}.", *found.notes), chosen.out)


def _futures(chosen: argparse.Namespace) -> None:
    """Follow one cell many times with the noise of the model, and count where it ends."""
    from cellflow_core.analysis.results import TrajectoryEnsemble

    found = _answer(TrajectoryEnsemble, "futures", chosen, states=chosen.states, cell=chosen.cell, count=chosen.count)
    columns = {"fate": found.names, "share": found.share, "low": found.low, "high": found.high}
    ways = found.paths.shape[1]
    _print_table(columns, (f"{found.start}, {ways} futures. Interval: {found.interval}.", *found.notes), chosen.out)


def _ancestry(chosen: argparse.Namespace) -> None:
    """Follow the mass of a group back to earlier cells and on to later ones: the mass of its descendants, where that of
    the group is one, and the part of each group in it, at every time."""
    from cellflow_core.analysis.results import Ancestry

    found = _answer(Ancestry, "ancestry", chosen, time=chosen.at, label=(chosen.by, chosen.of), by=chosen.by)
    times = [f"{each:g}" for each in found.times]
    columns = {"time": times, "mass": found.mass, **dict(zip(found.names, found.share.T, strict=True))}
    _print_table(columns, (f"{found.chosen}.", *found.notes), chosen.out)


def _clones(chosen: argparse.Namespace) -> None:
    """Share of fate A that is predicted for each early cell, and that among the later cells of its clone."""
    from cellflow_core.analysis.results import ClonalBias

    a, b = chosen.fates
    found = _answer(ClonalBias, "clones", chosen, by=chosen.by, a=a, b=b, early=chosen.early)
    columns = {
        "clone": [f"{each:.0f}" for each in found.clone],
        "time": found.time,
        "predicted": found.predicted,
        "each descendant once": found.without_growth,
        "observed": found.observed,
        "later cells": found.later,
    }
    low, value, high = found.auroc
    said = f"Area under the ROC curve, {a} against {b}: {value:.3f} ({low:.3f} to {high:.3f}; {found.interval})."
    _print_table(columns, (said, *found.notes), chosen.out)


def _answer(kind: type[Answer], question: str, chosen: argparse.Namespace, **settings: Any) -> Answer:
    from cellflow_core.jobs.analysis_cache import answer

    found = answer(question, chosen.run, **settings)
    if not isinstance(found, kind):
        raise TypeError(f"the answer is a {type(found).__name__}, not a {kind.__name__}")
    return found


def _print_table(columns: Mapping[str, Any], notes: Sequence[str], out: Path | None) -> None:
    rows = [(name, *(f"{value:.4f}" for value in values)) for name, *values in zip(*columns.values(), strict=True)]
    print(table(tuple(columns), rows))
    for note in notes:
        print(note)
    if out is not None:
        import pandas as pd

        pd.DataFrame(columns).to_csv(out, index=False)
