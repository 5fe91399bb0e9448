"""`data steps`, `data step` and `data umap`: going on from a stored data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import options
from cellflow_core.cli.table import table


def add(actions: Any, argv: Sequence[str]) -> None:
    """All actions; with the name of a step on the command line, each of its settings is a flag as well."""
    actions.add_parser("steps", help="what can be done to a data set, with the settings").set_defaults(do=_steps)
    step = actions.add_parser(
        "step",
        help="make a new data set out of one: a subset, groups, pseudotime, growth ...",
        description="Take a step from a data set. With ID NAME --help, each setting of the step is listed as a flag.",
    )
    step.add_argument("id", help="id of the data set, which stays as it is; annotations are added to it")
    step.add_argument("name", help="name of the step; data steps lists them")
    step.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    step.set_defaults(do=_step)
    umap = actions.add_parser("umap", help="lay the cells out by UMAP, as a further view of the data set")
    umap.add_argument("id", help="id of the data set")
    umap.set_defaults(do=_umap)
    if list(argv[:2]) == ["data", "step"] and len(argv) > 3 and not argv[3].startswith("-"):
        from cellflow_core.data.steps.registry import find

        kind = find(argv[3])
        options.add_settings(step.add_argument_group(f"settings of {kind.title!r}"), kind.Config.settings())


def _steps(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.steps.registry import find, names

    for name in names():
        kind = find(name)
        rows = [(each.name, each.label, each.default, each.help) for each in kind.Config.settings()]
        print(f"{name}: {kind.title}\n{kind.summary}\n{table(('setting', 'label', 'default', 'meaning'), rows)}\n")


def _step(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.steps.registry import find
    from cellflow_core.jobs import sandbox

    settings = find(chosen.name).Config.settings()
    given = options.parsed(chosen.set, {each.name: each for each in settings}) | options.given(chosen, settings)
    made = sandbox.run_isolated(
        "cellflow_core.data.steps.derive:derive", chosen.id, chosen.name, given, on_progress=_report
    )
    print(made.result())


def _umap(chosen: argparse.Namespace) -> None:
    from cellflow_core.jobs import sandbox

    _report("looking for neighbours and laying the cells out")
    sandbox.run_isolated("cellflow_core.data.preprocessing.umap:add_umap", chosen.id).result()
    print(chosen.id)


def _report(stage: str) -> None:
    print(stage, file=sys.stderr)
