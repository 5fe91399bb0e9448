"""`models`: which there are, and what one of them is."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli.table import table


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("models", help="the models there are")
    actions = parser.add_subparsers(title="actions (without one: list)", metavar="ACTION")
    parser.set_defaults(do=_list)
    actions.add_parser("list", help="every model").set_defaults(do=_list)
    show = actions.add_parser("show", help="what a model is, needs and can be asked for, and its settings")
    show.add_argument("name")
    show.set_defaults(do=_show)


def _list(chosen: argparse.Namespace) -> None:
    from cellflow_core.selection.model_cards import catalogue

    rows = [(each.name, each.title, each.family, ", ".join(each.capabilities)) for each in catalogue()]
    print(table(("name", "title", "family", "can be asked for"), rows))


def _show(chosen: argparse.Namespace) -> None:
    from cellflow_core.selection.model_cards import card

    shown = card(chosen.name)
    print(f"{shown.title} ({shown.name}, {shown.family})")
    print(textwrap.fill(shown.summary, 100))
    print(f"Source: {shown.paper}")
    print(f"Needs: {'; '.join(shown.needs) or 'any cells'}")
    asked = (f"{each} ({shown.condition(each)})" if shown.condition(each) else each for each in shown.capabilities)
    print(f"Can be asked for: {', '.join(asked)}\n")
    for title, settings in (("Settings", shown.settings), ("Training", shown.training_settings)):
        rows = []
        for each in settings:
            bounds = ", ".join(each.choices) if each.choices else _bounds(each.low, each.high)
            rows.append((each.name, each.label, each.default, each.unit, bounds, each.help))
        print(table((title, "label", "default", "unit", "allowed", "meaning"), rows) + "\n")
    steps = ", ".join(f"{name} {values['steps']:,}" for name, values in shown.presets.items())
    print(f"Steps of the presets: {steps}")


def _bounds(low: float | None, high: float | None) -> str:
    return (
        "" if low is None and high is None else f"{low:g} to {high:g}" if low is not None and high is not None else ""
    )
