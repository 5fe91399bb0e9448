"""Which model for these data and this question: a ranked choice with the reason of every place.

The idea is that of dynguidelines (Saelens et al., Nat. Biotechnol. 2019, doi:10.1038/s41587-019-0071-9): answers about
the data and measured performance give an order, and every reason is said. Here the order has three steps, no weights:
what a model can do with these data, how many goals it leaves open, and its measured error (`benchmark_results`).
A model measured on one data set only, or on none, comes after those measured on several: one says nothing of the next.
Scores on the data in question count as one more data set, and are named first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import mean, median
from typing import Any, NamedTuple, Protocol

from cellflow_core.config import Config, setting
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.store.dataset import DatasetInfo
from cellflow_core.selection.benchmark_results import HERE, Evidence, by_data
from cellflow_core.selection.comparison_summary import MIN_RELATIVE_GAIN


class Card(Protocol):
    """What a ModelCard has about a model."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def usual_needs(self) -> tuple[str, ...]: ...
    @property
    def missing_package(self) -> str: ...
    @property
    def capabilities(self) -> Any: ...
    def condition(self, capability: str) -> str: ...
    def settings_for(self, capability: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class ModelGoals(Config):
    """What a person wants to see."""

    motion: bool = setting(True, "follow cells anywhere between the measured times, and change genes")
    stochasticity: bool = setting(False, "cells that start alike may end differently: random motion is learnt")
    landscape: bool = setting(False, "one landscape whose slopes are the motion")
    growth: bool = setting(False, "cells divide and die at different rates")
    individuals: bool = setting(False, "what becomes of each individual that was followed, under its doses or others")
    minutes: float = setting(10.0, "time for one training", 0.1, 10_000.0, "minutes")


ASKS: dict[str, tuple[frozenset[str], str]] = {
    "motion": (frozenset({"velocity", "drift"}), "a field that moves any cell"),
    "stochasticity": (frozenset({"noise"}), "random motion"),
    "landscape": (frozenset({"potential"}), "a landscape of its own"),
    "growth": (frozenset({"growth"}), "division and death"),
    "individuals": (frozenset({"courses"}), "the course of each individual, with its doses and irregular times"),
}
"""Goal -> the capabilities of which one answers it, and what they learn in words."""
REFERENCES = ("last-value", "linear-course")
"""Models of individuals that the others have to beat: they are offered after them."""


@dataclass(frozen=True)
class Recommendation:
    """One model with its reasons.

    obstacles why it cannot be trained on these data, here; pros, cons: what else speaks for and against it; sentences
    measured  a sentence on its error at held-out times, and whether it loses to the OT midpoint on most data sets
    ratio     its error at held-out times over that of the OT midpoint, mean over data sets; NaN: unmeasured
    sets      data sets that it was measured on
    settings  other than the defaults, which give what was asked for
    here      was it scored on these data?
    needs     how many things it needs of the data, of individuals: the more, the more it is made for them
    """

    model: str
    title: str
    obstacles: tuple[str, ...]
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    measured: str
    ratio: float
    sets: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    here: bool = False
    needs: int = 0

    @property
    def trainable(self) -> bool:
        """Can it be trained on these data, here?"""
        return not self.obstacles


def rank(
    info: DatasetInfo, cards: Iterable[Card], goals: ModelGoals, measured: Iterable[Evidence]
) -> tuple[Recommendation, ...]:
    """Every model, the one to try first at the front. measured: of the benchmark, and `measured_here` of these data."""
    known = [each for each in measured if len(info.times) != 2 or each.times in (0, 3) or each.data == HERE]
    choices = []
    for card in cards:
        own = [each for each in known if each.model == card.name]
        alike = {each.data for each in known if own and each.score == own[0].score and each.data != HERE}
        choices.append(_choice(info, card, goals, own, len(alike)))
    return tuple(sorted(choices, key=_order))


def _order(choice: Recommendation) -> tuple[bool, int, bool, float, int, int, str]:
    """One data set is no rank, unless it is the one in question. Errors within a hundredth are alike: then more data
    sets come first, then models of individuals that were made for more of what the data have."""
    ratio = math.inf if math.isnan(choice.ratio) else round(choice.ratio, 2)
    few = choice.sets < 2 and not choice.here
    return not choice.trainable, len(choice.cons), few, ratio, -choice.sets, -choice.needs, choice.model


def _choice(info: DatasetInfo, card: Card, goals: ModelGoals, found: list[Evidence], sets: int) -> Recommendation:
    """sets: how many data sets the benchmark has."""
    obstacles = []
    missing = [need for need in card.needs if need not in info.has]
    if missing:
        obstacles.append(f"Needs {' and '.join(missing)}, which these data do not have.")
    if package := card.missing_package:
        obstacles.append(f"Needs the package {package}, which is not installed: `make {package}` does it.")
    settings, pros, cons = _goals(card, goals)
    usual_missing = [need for need in card.usual_needs if need not in info.has]
    if usual_missing and not missing:
        cons.append(f"With its usual settings it needs {' and '.join(usual_missing)}: choose others.")
    if card.name in REFERENCES:
        cons.append("A reference, too simple for most courses: the others have to beat it.")
    own = [each for each in found if dict(each.settings) == settings]
    usual = [each for each in found if not each.settings]
    used = own or usual
    ratios = next(iter(by_data(replace(each, settings=()) for each in used).values()), {})
    ratio, sentence = math.nan, "Not measured in our benchmark yet."
    if used:
        ratio = mean(ratios.values())  # a median would not see where a model fails
        sentence = _error_words(ratio, ratios, sets, used[0].score)
        if settings and not own:
            sentence += " Measured with its default settings, not with those proposed here."
        minutes = median(each.seconds for each in used) / 60
        if minutes > goals.minutes:
            cons.append(f"One training took {minutes:.2g} minutes in our benchmark.")
    here = HERE in ratios
    return Recommendation(
        card.name,
        card.title,
        tuple(obstacles),
        tuple(pros),
        tuple(cons),
        sentence,
        ratio,
        len(ratios),
        settings,
        here,
        len(card.needs) if goals.individuals else 0,
    )


def _goals(card: Card, goals: ModelGoals) -> tuple[dict[str, Any], list[str], list[str]]:
    """(settings that give what is asked for, pros, cons). A goal whose setting another goal excludes stays open."""
    settings: dict[str, Any] = {}
    pros, cons = [], []
    for goal, (wanted, words) in ASKS.items():
        if not getattr(goals, goal):
            continue
        there = sorted(wanted & set(card.capabilities), key=lambda each: (len(card.settings_for(each)), each))
        needed = [card.settings_for(each) for each in there]
        fitting = [each for each in needed if all(settings.get(name, value) == value for name, value in each.items())]
        condition = card.condition(there[0]) if there and all(needed) else ""
        if fitting:
            settings |= fitting[0]
            pros.append(f"Learns {words}{f' {condition}' if condition else ''}.")
        elif there:
            cons.append(f"Learns {words} only {condition}, which the other goals exclude.")
        else:
            cons.append(f"Does not learn {words}.")
    return settings, pros, cons


class Beside(NamedTuple):
    """What errors are held against, in words: where they are, what is to be beaten, the error, whose, and that it
    learns nothing."""

    where: str
    name: str
    error: str
    its: str
    learns: str


BESIDE = {
    "W1": Beside(
        "held-out times", "straight lines of optimal transport", "W1 error", "theirs", "these lines, which learn"
    ),
    "CRPS": Beside("held-out individuals", "the last value carried forward", "CRPS", "its", "this value, which learns"),
}


def _error_words(ratio: float, ratios: Mapping[str, float], sets: int, score: str) -> str:
    beside = BESIDE[score]
    elsewhere = {data: each for data, each in ratios.items() if data != HERE}
    found = []
    if HERE in ratios:
        found.append(
            f"At {beside.where} of these data {_against(ratios[HERE])} {beside.name}: {beside.error} "
            f"{ratios[HERE]:.2f} times {beside.its}."
        )
    if elsewhere:
        worst = max(elsewhere, key=lambda one: elsewhere[one])
        average = mean(elsewhere.values())
        where = f"on one data set only ({worst}), too little to rank it by"
        if len(elsewhere) > 1:
            where = (
                f"in the mean of {len(elsewhere)} of our {sets} benchmark data sets, at worst {elsewhere[worst]:.2f} "
                f"({worst})"
            )
        at = "In our benchmark" if HERE in ratios else f"At {beside.where}"
        found.append(
            f"{at} {_against(average)} {beside.name}: {beside.error} {average:.2f} times {beside.its}, {where}."
        )
        losing = sum(each > 1 - MIN_RELATIVE_GAIN for each in elsewhere.values())
        if 2 * losing > len(elsewhere) > 1:
            found.append(f"On {losing} of {len(elsewhere)} of them it is no nearer than {beside.learns} nothing.")
    return " ".join(found)


def _against(ratio: float) -> str:
    return "better than" if round(ratio, 2) < 0.99 else "worse than" if round(ratio, 2) > 1.01 else "as good as"


def remarks(info: DatasetInfo, goals: ModelGoals) -> tuple[str, ...]:
    """What the data mean for the choice, whatever the model."""
    found, counts = [], info.counts
    if DataRequirement.TIMES in info.has and DataRequirement.HOLD_OUT not in info.has:
        found.append(
            "There are two times only: none can be held out, so how far to trust the model stays unmeasured. The order "
            "is that of benchmark data of which two times were left for training; paths that are smooth through many "
            "times have no advantage here."
        )
    followed = DataRequirement.SUBJECTS in info.has
    if counts and min(counts) < 100 and not followed:
        found.append(
            f"One time has {min(counts)} cells only. Train three seeds or more and look at how much they differ."
        )
    if counts and max(counts) > 20 * max(min(counts), 1) and not goals.growth and not followed:
        found.append(
            f"Times differ much in size ({min(counts):,} to {max(counts):,} cells). If that is growth, ask for it; a "
            "model without it compares the shape of each time, not its size."
        )
    if followed:
        found.append(
            "The same individuals were measured again and again. Models of individuals follow each of them, with its "
            "doses, irregular times and missing values; models of cells take every measurement as another cell."
        )
    if "spliced" in info.layers and "unspliced" in info.layers:
        found.append("Spliced and unspliced counts are there: RNA velocity can say where cells go from one time alone.")
    if DataRequirement.MODALITY in info.has:
        found.append(
            "A second modality is there: GENOT uses it where its setting “structure” says so: cells that are alike in "
            "it at one time stay together at the next. The other models see the state alone."
        )
    return tuple(found)
