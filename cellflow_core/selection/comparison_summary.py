"""What follows from a comparison, in sentences: no model is praised for what a straight line does as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_SEEDS = 3
"""Seeds from which on a spread is worth its name."""
MIN_RELATIVE_GAIN = 0.005
"""A difference to the midpoint below this share of it is none, however small the spread."""


@dataclass(frozen=True)
class ModelScore:
    """One model: its error (mean over times left out and seeds), the spread over `seeds` seeds (nan for one)."""

    title: str
    mean: float
    spread: float
    seeds: int


def verdict(standings: Sequence[ModelScore], trivial: Mapping[str, float], times: int) -> tuple[str, ...]:
    """Sentences, the most important first.

    trivial  error of answers without a model ("midpoint", "previous", "floor" ...), mean over the same times
    times    how many times were left out
    """
    ranked = sorted((each for each in standings if math.isfinite(each.mean)), key=lambda each: each.mean)
    if not ranked:
        return ("No model has been scored yet.",)
    midpoint, previous = trivial["midpoint"], trivial["previous"]
    said = [_best(ranked, midpoint, trivial["floor"])]
    still = [each.title for each in ranked if each.mean >= previous]
    lost = [each.title for each in ranked if midpoint * (1 + MIN_RELATIVE_GAIN) + _doubt(each) < each.mean < previous]
    if lost:
        verb = "loses" if len(lost) == 1 else "lose"
        said.append(f"{_listed(lost)} {verb} to the OT midpoint ({midpoint:.3g}), which learns nothing.")
    if still:
        verb = "is" if len(still) == 1 else "are"
        said.append(f"{_listed(still)} {verb} no better than not moving the cells at all ({previous:.3g}).")
    if min(each.seeds for each in ranked) < MIN_SEEDS:
        said.append(
            f"Fewer than {MIN_SEEDS} seeds: how much chance there is in this order is not known. Train more seeds."
        )
    if times == 1:
        said.append("One time was left out: the order may be another at other times.")
    return tuple(said)


def _best(ranked: Sequence[ModelScore], midpoint: float, floor: float) -> str:
    best = ranked[0]
    equals = [each.title for each in ranked[1:] if each.mean - best.mean <= max(_doubt(each), _doubt(best))]
    tied = f", and {_listed(equals)} within the spread over seeds" if equals else ""
    where = f"{best.title} comes nearest to the cells it never saw (error {best.mean:.3g}{tied})"
    if best.mean < midpoint * (1 - MIN_RELATIVE_GAIN) - _doubt(best):
        gain = 1 - best.mean / midpoint
        rest = (best.mean - floor) / floor if floor > 0 else math.nan
        near = f" {rest:.0%} above what sampling alone costs." if math.isfinite(rest) else ""
        return f"{where}: {gain:.0%} below the OT midpoint, which learns nothing.{near}"
    return (
        f"{where}, but that is no better than the OT midpoint ({midpoint:.3g}), which learns nothing: between these "
        "times no trained model adds accuracy. Choose one for what else it gives: a field, chance, growth, a landscape."
    )


def _doubt(each: ModelScore) -> float:
    """Two standard errors of the mean over seeds; 0 where one seed leaves it unknown."""
    return 2 * each.spread / math.sqrt(each.seeds) if each.seeds > 1 and math.isfinite(each.spread) else 0.0


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
