"""The verdict of a comparison in sentences, the same on the page and in the shell."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store.dataset import DatasetInfo
from cellflow_core.distance_units import NAMES, in_words
from cellflow_core.plural import counted
from cellflow_core.reporting.summaries import at
from cellflow_core.selection.comparison_summary import MIN_SEEDS, Verdict

LEAST_SAMPLES = 10
"""Samples of individuals at one time from which on their distribution is compared."""
NOTHING = "No model has been scored yet."


def untestable(info: DatasetInfo) -> str:
    """Why no time of these data can be held out, and what to do; "" where one can."""
    most = max(info.counts[1:-1], default=0)
    if DataRequirement.SUBJECTS in info.has and 0 < most < LEAST_SAMPLES:
        return (
            f"{info.label} has at most {counted(most, 'sample')} at one time between others, too few to hold a time "
            "out: its individuals were measured at times of their own. Compare forecasts of individuals instead."
        )
    if DataRequirement.HOLD_OUT in info.has:
        return ""
    found = f"{info.label} has {len(info.times) or 'no'} time{'' if len(info.times) == 1 else 's'}"
    if len(info.times) == 2:
        return (
            f"{found}: a time that is held out must lie between two others, so that no model can be tested on these "
            "data. Between two times every model interpolates, and what happened there was not measured. Choose a "
            "model for what it gives (noise, growth, a landscape), train three or more seeds, and trust where they "
            "agree; a third time would tell more than any choice."
        )
    return f"{found}: a time that is held out must lie between two others, so three times are needed."


def sentences(verdict: Verdict | None, unit: str = "", measure: str = "w1") -> tuple[str, ...]:
    """The verdict, the most important sentence first. unit: of time; measure: what the errors are."""
    if verdict is None:
        return (NOTHING,)
    found = [_best(verdict, measure)]
    best = verdict.best
    if verdict.resting_at and best.title not in verdict.resting:
        found.append(
            f"At {_times(verdict.resting_at, unit)} {best.title} is no better than the previous snapshot, that is, "
            "than no motion at all."
        )
    if best.loses_on_most and verdict.nearest:
        found.append(
            f"On {best.losing} of {best.sets} benchmark data sets {best.title} is no nearer than the OT midpoint: do "
            "not expect this order on other data."
        )
    if verdict.losing:
        verb = "loses" if len(verdict.losing) == 1 else "lose"
        found.append(
            f"{joined(verdict.losing)} {verb} to the OT midpoint ({in_words(verdict.midpoint, measure)}), which learns "
            "nothing."
        )
    if verdict.resting:
        verb = "is" if len(verdict.resting) == 1 else "are"
        found.append(
            f"{joined(verdict.resting)} {verb} no better than the previous snapshot, that is, than no motion at all "
            f"({in_words(verdict.previous, measure)})."
        )
    found += [
        f"{title}, trained before on these data, is nearer at {_times(times, unit)}: {NAMES[measure]} "
        f"{in_words(theirs, measure)} against {ours:.3g}. It has no score at the other times."
        for title, theirs, ours, times in verdict.better
    ]
    if verdict.few_seeds:
        found.append(f"Fewer than {MIN_SEEDS} seeds: how much of this order is chance is not known. Train more seeds.")
    if verdict.one_time:
        found.append("One time was held out: the order may be another at other times.")
    return tuple(found)


def _best(verdict: Verdict, measure: str) -> str:
    best, midpoint, floor = verdict.best, verdict.midpoint, verdict.floor
    tied = f", and {joined(verdict.tied)} within the spread over seeds" if verdict.tied else ""
    error = f"{NAMES[measure]} {in_words(best.mean, measure)}"
    where = f"{best.title} comes nearest to the cells of held-out times ({error}{tied})"
    if verdict.nearest:
        rest = (best.mean - floor) / floor if floor > 0 else math.nan
        near = (
            f" {abs(rest):.0%} {'above' if rest >= 0 else 'below'} the sampling floor." if math.isfinite(rest) else ""
        )
        return f"{where}: {1 - best.mean / midpoint:.0%} below the OT midpoint, which learns nothing.{near}"
    return (
        f"{where}, but that is no better than the OT midpoint ({in_words(midpoint, measure)}), which learns nothing: "
        "between these times no trained model adds accuracy. Choose one for what else it gives: a field, noise, "
        "growth, a landscape."
    )


def _times(times: Sequence[float], unit: str) -> str:
    return joined([at(each, unit) for each in times])
