"""`sweep`: models, settings and seeds as one action, and their table by validation loss."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import options
from cellflow_core.cli.table import columns
from cellflow_core.runs.recipe import DEVICES


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("sweep", help="train models with many settings", description=_sweep.__doc__)
    parser.add_argument("--data", metavar="ID", help="data set (see: data list)")
    parser.add_argument("--models", metavar="a,b", help="names with commas between")
    parser.add_argument("--preset", choices=("quick", "standard", "careful"), default="standard")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=A,B", help="values of a setting; repeatable")
    parser.add_argument("--seeds", type=options.seeds, default=(0,), metavar="0,1,2", help="one run for each")
    parser.add_argument(
        "--hold-out-after", type=float, metavar="TIME", help="train without what was measured of individuals later"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--group", help="an earlier sweep: print its table, or cancel it")
    parser.add_argument("--cancel", action="store_true", help="cancel what is open of --group")
    parser.add_argument("--no-wait", action="store_true", help="leave the runs in the queue")
    parser.set_defaults(do=_sweep)


def _sweep(chosen: argparse.Namespace) -> int:
    """Train every model with every combination of values and every seed, and print the validation losses."""
    from cellflow_core.cli.train import follow
    from cellflow_core.jobs.supervisor import ensure_supervisor
    from cellflow_core.runs import index
    from cellflow_core.selection import sweep
    from cellflow_core.selection.model_cards import catalogue

    if chosen.cancel and not chosen.group:
        raise ValueError("--cancel needs the --group of the sweep that is to be cancelled")
    if chosen.group:
        runs = [run for run in reversed(index.runs()) if run.recipe.group == chosen.group]
        if not runs:
            raise KeyError(f"there is no sweep {chosen.group!r}")
        for run in runs if chosen.cancel else ():
            run.cancel()
    else:
        runs = _submitted(chosen)
        print(f"sweep {runs[0].recipe.group}")
        ensure_supervisor()
    good = 0 if chosen.no_wait or chosen.cancel else follow([run for run in runs if not run.status().ended])
    cards = {each.name: each for each in catalogue()}
    rows = sweep.candidates(runs, cards)
    print(columns(sweep.table(rows, {name: card.title for name, card in cards.items()})))
    return good


def _submitted(chosen: argparse.Namespace) -> list[Any]:
    from cellflow_core.jobs import recipes
    from cellflow_core.runs import index
    from cellflow_core.selection.model_cards import card

    if not chosen.data or not chosen.models:
        raise ValueError("sweep needs --data and --models, or --group of an earlier one")
    models = chosen.models.split(",")
    known = {each.name: each for name in models for each in (*card(name).training_settings, *card(name).settings)}
    values: dict[str, list[Any]] = {}
    for pair in chosen.set:
        name, _, texts = pair.partition("=")
        for text in texts.split(","):
            values.setdefault(name.replace("-", "_"), []).extend(options.parsed([f"{name}={text}"], known).values())
    asked = (chosen.data, models, chosen.preset, values, chosen.seeds)
    request = recipes.sweep(*asked, hold_out_after=chosen.hold_out_after, device=chosen.device)
    for sentence in request.refused.values():
        print(f"left out: {sentence}", file=sys.stderr)
    if not request.recipes:
        raise ValueError(f"none of these models can be trained on {chosen.data}")
    return list(index.submit_all(request.recipes))
