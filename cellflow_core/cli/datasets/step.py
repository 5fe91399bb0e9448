"""`data steps`, `data step`, `data use-velocity` and `data umap`: going on from a stored data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
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
    velocity = actions.add_parser(
        "use-velocity",
        help="give the cells the velocity of any estimator, from a run or a file",
        description="A new data set with the velocity that a run has estimated for its cells, or with that of a .npy "
        "or .csv file: a row a cell, in the order of the data set, and a column an axis of the state or a gene of it "
        "(in units of the expression). A .csv has a head line.",
    )
    velocity.add_argument("id", help="id of the data set in whose axes it is used, which stays as it is")
    velocity.add_argument("file", nargs="?", help=".npy or .csv")
    velocity.add_argument("--run", help="id of a run on the velocity genes of the same cells")
    velocity.add_argument(
        "--units",
        choices=("counts", "expression"),
        help="with --run, what the expression is: the logarithm of counts, or counts themselves (expression; usual for "
        "simulated data)",
    )
    velocity.add_argument("--source", default="", help="what to call the estimator; the name of the file where empty")
    velocity.set_defaults(do=_use_velocity)
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


def _use_velocity(chosen: argparse.Namespace) -> None:
    if (chosen.run is None) == (chosen.file is None):
        raise ValueError("use-velocity takes the velocity of a file, or that of a run with --run: give one of them")
    if chosen.run is None:
        _use_file(chosen)
        return
    from cellflow_core.data.store import open_dataset
    from cellflow_core.runs.estimated_velocity import use_velocity, usual_units

    units = chosen.units or usual_units(open_dataset(chosen.id).info)
    print(use_velocity(chosen.run, chosen.id, units, _report))


def _use_file(chosen: argparse.Namespace) -> None:
    import numpy as np

    from cellflow_core.data.steps.derive import use_velocity

    path = Path(chosen.file)
    try:
        read = path.suffix.lower() == ".npy"
        values = np.load(path, allow_pickle=False) if read else np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except (OSError, ValueError) as error:
        raise ValueError(f"{chosen.file} is no table of numbers ({error}): give .npy or .csv") from error
    print(use_velocity(chosen.id, values, chosen.source.strip() or path.name))


def _umap(chosen: argparse.Namespace) -> None:
    from cellflow_core.jobs import sandbox

    _report("looking for neighbours and laying the cells out")
    sandbox.run_isolated("cellflow_core.data.preprocessing.umap:add_umap", chosen.id).result()
    print(chosen.id)


def _report(stage: str) -> None:
    print(stage, file=sys.stderr)
