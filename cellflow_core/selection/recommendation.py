"""Which model for these data and this question: a ranked choice with the reason of every place.

The idea is that of dynguidelines (Saelens et al., Nat. Biotechnol. 2019, doi:10.1038/s41587-019-0071-9): answers about
the data and measured performance give an order, and every reason is said. Here the order has three steps, no weights:
what a model can do with these data, how many wishes it leaves open, and its measured error (`jobs.evidence`).
A model measured on one data set only, or on none, comes after those measured on several: one says nothing of the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Protocol

from cellflow_core.config import Config, setting
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.store.dataset import DatasetInfo
from cellflow_core.selection.benchmark_results import Evidence


class Card(Protocol):
    """What a jobs.catalogue.ModelCard tells about a model."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def missing_package(self) -> str: ...
    @property
    def capabilities(self) -> Any: ...
    def condition(self, capability: str) -> str: ...


@dataclass(frozen=True)
class ModelGoals(Config):
    """What a person wants to see, each in the words of the question."""

    motion: bool = setting(True, "follow cells anywhere between the measured times, and change genes on the way")
    stochasticity: bool = setting(False, "cells that start alike may end differently: random motion is learnt")
    landscape: bool = setting(False, "one landscape whose slopes are the motion")
    growth: bool = setting(False, "cells divide and die at different rates")
    minutes: float = setting(10.0, "time for one training", 0.1, 10_000.0, "minutes")


ASKS: dict[str, tuple[frozenset[str], str]] = {
    "motion": (frozenset({"velocity", "drift"}), "a field that moves any cell"),
    "stochasticity": (frozenset({"noise"}), "random motion"),
    "landscape": (frozenset({"potential"}), "a landscape of its own"),
    "growth": (frozenset({"growth"}), "division and death"),
}
"""Wish -> the capabilities of which one answers it, and what they learn in words."""


@dataclass(frozen=True)
class Recommendation:
    """One model with its reasons.

    obstacles why it cannot be trained on these data, here; pros, cons: what else speaks for and against it; sentences
    measured  a sentence on its error at held-out times
    ratio     its error at held-out times over that of the OT midpoint, mean over benchmark data sets; NaN: unmeasured
    sets      benchmark data sets that it was measured on
    """

    model: str
    title: str
    obstacles: tuple[str, ...]
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    measured: str
    ratio: float
    sets: int

    @property
    def trainable(self) -> bool:
        """Can it be trained on these data, here?"""
        return not self.obstacles


def rank(
    info: DatasetInfo, cards: Iterable[Card], wishes: ModelGoals, measured: Iterable[Evidence]
) -> tuple[Recommendation, ...]:
    """Every model, the one to try first at the front."""
    known = list(measured)
    sets = len({each.data for each in known})
    choices = [_choice(info, card, wishes, [each for each in known if each.model == card.name], sets) for card in cards]
    return tuple(sorted(choices, key=_order))


def _order(choice: Recommendation) -> tuple[bool, int, bool, float, int, str]:
    """One data set is no rank. Errors within a hundredth are alike: then more data sets come first."""
    ratio = math.inf if math.isnan(choice.ratio) else round(choice.ratio, 2)
    return not choice.trainable, len(choice.cons), choice.sets < 2, ratio, -choice.sets, choice.model


def _choice(info: DatasetInfo, card: Card, wishes: ModelGoals, found: list[Evidence], sets: int) -> Recommendation:
    """sets: how many data sets the benchmark has."""
    pros, cons, obstacles = [], [], []
    lacking = [need for need in card.needs if need not in info.has]
    if lacking:
        obstacles.append(f"Needs {' and '.join(lacking)}, which these data do not have.")
    if package := card.missing_package:
        obstacles.append(f"Needs the package {package}, which is not installed: `make {package}` does it.")
    for wish, (wanted, words) in ASKS.items():
        if getattr(wishes, wish):
            there = wanted & set(card.capabilities)
            when = min((card.condition(each) for each in there), default="")  # without one, if any is always there
            (pros if there else cons).append(
                f"{'Learns' if there else 'Does not learn'} {words}{f' {when}' if when else ''}."
            )
    data = dict.fromkeys(each.data for each in found)
    ratios = {one: mean(each.ratio for each in found if each.data == one) for one in data}
    ratio, said = math.nan, "Not measured in our benchmark yet."
    if found:
        ratio = mean(ratios.values())  # a median would not see where a model fails
        said = _error_words(ratio, ratios, sets)
        minutes = median(each.seconds for each in found) / 60
        if minutes > wishes.minutes:
            cons.append(f"One training took {minutes:.2g} minutes in our benchmark.")
    return Recommendation(card.name, card.title, tuple(obstacles), tuple(pros), tuple(cons), said, ratio, len(data))


def _error_words(ratio: float, ratios: Mapping[str, float], sets: int) -> str:
    worst = max(ratios, key=lambda one: ratios[one])
    where = f"on one data set only ({worst}), too little to rank it by"
    if len(ratios) > 1:
        where = (
            f"in the mean of {len(ratios)} of our {sets} benchmark data sets, at worst {ratios[worst]:.2f} ({worst})"
        )
    against = "better than" if round(ratio, 2) < 0.99 else "worse than" if round(ratio, 2) > 1.01 else "as good as"
    return f"At held-out times {against} straight lines of optimal transport: error {ratio:.2f} of theirs, {where}."


def remarks(info: DatasetInfo, wishes: ModelGoals) -> tuple[str, ...]:
    """What the data mean for the choice, whatever the model."""
    said, counts = [], info.counts
    if DataRequirement.TIMES in info.has and DataRequirement.HOLD_OUT not in info.has:
        said.append("There are two times only: none can be left out, so how far to trust the model stays unmeasured.")
    if counts and min(counts) < 100:
        said.append(
            f"One time has {min(counts)} cells only. Train three seeds or more and look at how much they differ."
        )
    if counts and max(counts) > 20 * max(min(counts), 1) and not wishes.growth:
        said.append(
            f"Times differ much in size ({min(counts):,} to {max(counts):,} cells). If that is growth, ask for it; a "
            "model without it compares the shape of each time, not its size."
        )
    if "spliced" in info.layers and "unspliced" in info.layers:
        said.append("Spliced and unspliced counts are there: RNA velocity can say where cells go from one time alone.")
    if DataRequirement.MODALITY in info.has:
        said.append(
            "A second modality is there: GENOT uses it where its setting “structure” says so: cells that are alike in "
            "it at one time stay together at the next. The other models see the state alone."
        )
    return tuple(said)
