"""`data make`: cells of a simulator whose truth is known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import options
from cellflow_core.cli.table import table


def add(actions: Any, argv: Sequence[str]) -> None:
    """The action; with the name of a simulator on the command line, each of its settings is a flag as well."""
    make = actions.add_parser(
        "make",
        help="make cells with a simulator whose truth is known",
        description="Make cells with a simulator. With NAME --help, each of its settings is listed as a flag.",
    )
    make.add_argument("name", nargs="?", help="without a name, the simulators are listed with what they know")
    make.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    make.add_argument("--label", default="", help="name of the data set, for people")
    make.set_defaults(do=_make)
    if list(argv[:2]) == ["data", "make"] and len(argv) > 2 and not argv[2].startswith("-"):
        from cellflow_core.data.simulators.registry import find

        kind = find(argv[2])
        options.add_settings(make.add_argument_group(f"settings of {kind.title}"), kind.Config.settings())


def _make(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.simulators.registry import find, names
    from cellflow_core.data.simulators.simulated_data import known_words, simulate

    if chosen.name is None:
        rows = [(each, find(each).title, known_words(find(each))) for each in names()]
        print(table(("name", "title", "known exactly"), rows))
        return
    settings = find(chosen.name).Config.settings()
    given = options.parsed(chosen.set, {each.name: each for each in settings}) | options.given(chosen, settings)
    print(simulate(chosen.name, given, chosen.label))
