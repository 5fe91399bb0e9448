"""Finished models that order the same cells, beside each other: the comparison of data without times to hold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.selection.model_cards import ModelCard

MOST = 8
"""Runs that are compared, the newest of each model and its settings."""


def ordered(dataset: str, cards: Mapping[str, ModelCard]) -> list[Run]:
    """The newest finished run of each model, with its settings, that orders the cells of a data set."""
    found: dict[str, Run] = {}
    for run in index.runs():
        recipe = run.recipe
        if recipe.dataset != dataset or recipe.hold_out is not None or recipe.model not in cards:
            continue
        orders = "latent_time" in cards[recipe.model].capabilities_with(recipe.settings)
        if orders and run.status().state == "done":
            found.setdefault(f"{recipe.model} {sorted(recipe.settings.items())}", run)
    return list(found.values())[:MOST]


def named(runs: Sequence[Run], cards: Mapping[str, ModelCard]) -> dict[str, Run]:
    """The runs by the titles of their models, by their labels where several are of one model."""
    titles = [cards[run.recipe.model].title.partition(" (")[0] for run in runs]
    names = [run.label if titles.count(title) > 1 else title for run, title in zip(runs, titles, strict=True)]
    return {
        name if names.count(name) == 1 else f"{name} ({run.id})": run for run, name in zip(runs, names, strict=True)
    }


def branched(run: Run, cards: Mapping[str, ModelCard]) -> bool:
    """Does its model put cells on branches, or lead them to terminal states?"""
    return bool(cards[run.recipe.model].capabilities_with(run.recipe.settings) & {"lineages", "transitions"})
