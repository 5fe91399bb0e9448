"""`data public`, `data get`, `data fetch`: data sets from the internet."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import Any

from cellflow_core.cli.table import table


def add(actions: Any) -> None:
    public = actions.add_parser("public", help="public data sets that can be fetched")
    public.add_argument("name", nargs="?", help="with a name: all that is known of it")
    public.set_defaults(do=_public)
    get = actions.add_parser("get", help="fetch a public data set", description=_get.__doc__)
    get.add_argument("name", help="a name that data public lists")
    get.set_defaults(do=_get)
    fetch = actions.add_parser("fetch", help="fetch a file from an address", description=_fetch.__doc__)
    fetch.add_argument("url")
    fetch.add_argument("--sha256", default="", help="checksum that the file must have")
    fetch.set_defaults(do=_fetch)


def _public(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.download.public import CATALOGUE, find

    if chosen.name is None:
        rows = [(each.name, _size(each.size), each.time or "none", each.organism, each.title) for each in CATALOGUE]
        print(table(("name", "size", "time", "organism", "title"), rows))
        return
    each = find(chosen.name)
    for key, value in (
        ("title", each.title),
        ("cells", f"{each.cells} ({each.organism})"),
        ("good for", each.good_for),
        ("paper", each.paper),
        ("licence", each.licence),
        ("page", each.home),
        ("address", each.url),
        ("size", _size(each.size)),
        ("sha256", each.sha256 or "not known"),
        ("time", each.time or "none: a snapshot"),
    ):
        print(f"{key:9} {value}")


def _get(chosen: argparse.Namespace) -> None:
    """Fetch a public data set, going on where an earlier try was cut, and print the id for data import."""
    from cellflow_core.data.download import public

    _ready(public.get(chosen.name, _report), public.find(chosen.name).time)


def _fetch(chosen: argparse.Namespace) -> None:
    """Fetch a file, going on where an earlier try was cut, and print the id for data import."""
    from cellflow_core.data.download import downloads

    _ready(downloads.fetch(chosen.url, chosen.sha256, _report), None)


def _report(stage: str) -> None:
    print(stage, file=sys.stderr)


def _ready(id: str, time: str | None) -> None:
    """`time` is the column that holds it, "" for a snapshot, None where that is not known."""
    column = "COLUMN" if time is None else shlex.quote(time)
    print(f"next: python -m cellflow_core data import {id} --time {column}", file=sys.stderr)
    print(id)


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else "not known"
