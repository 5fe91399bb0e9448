"""What a perturbation changes, in a few sentences with their numbers, and how far they can be trusted.

What differs is said, whichever it is: where cells end, their time, their genes, their distance from the data. A change
counts where its interval leaves out zero and hardly any control gene does as much: of genes that were chosen for what
they do, some drawn at random do much too. Pure: results in, words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellflow_core.analysis.results import Perturbation
from cellflow_core.analysis.results.perturbation import ELSEWHERE, MAX_EXTRAPOLATED, joined
from cellflow_core.distance_units import SPACE
from cellflow_core.reporting.summaries import Summary, at
from cellflow_core.time_units import pluralize

LEAST_POINTS = 1.0
"""Percentage points of a terminal state below which no change is reported."""
LEAST_SPAN = 0.05
"""Shift in time, as a part of the simulated time, below which none is reported."""
LEAST_DEVIATIONS = 0.05
"""Total change of genes (standard deviations) below which none is reported."""
ALONE = 1e-6
"""Total change of the other genes (standard deviations) below which nothing acts on them."""
STOPPED = 0.25
"""Progress in a unit of time below which development is arrested, and not only delayed."""
LEAST_KEPT = 0.1
"""Share of the variance of a gene that the axes must keep for an answer about it."""
MAX_AS_LARGE = 0.1
"""Part of the control genes that may change as much before a change counts as nothing special."""
FAR = 2.0
"""Median distance of the end cells from the data, in that of unperturbed cells, from which it is the headline."""
LISTED = 3
"""Genes that are named, up and down each."""
IS_NOT = (
    "Simulated expression is the mean at the end over simulated cells, read from their states: it is no prediction of "
    "counts. It has no measurement noise, genes move along what unperturbed cells showed, and nothing that was not "
    "measured can answer. Read the direction and order of changes beside those by control genes, not the levels."
)
"""What stands below a table of simulated expression."""


def of_perturbation(result: Perturbation) -> Summary:
    """What changes, the most telling first; trust from the controls, the data and the axes."""
    states, time = _states(result), _time(result)
    k = largest_state(result)
    led = (time, states) if k is not None and result.names[k] == ELSEWHERE else (states, time)
    found = [each for each in (_outside(result), *led, _genes(result)) if each]
    if not found:
        return _nothing(result)
    more = () if _outside(result) else found[1:]  # of cells outside the data nothing else is known
    answer = " ".join([f"{_done(result)} {found[0]}.", *(f"It also {each}." for each in more)])
    doubts = _doubts(result)
    if not len(result.control_genes):
        return Summary(answer, "poor" if doubts else "fair", " ".join((*doubts, "There are no genes to compare with.")))
    role = "is the cause or a marker" if len(result.genes) == 1 else "are causes or markers"
    cause = f"Whether {result.gene} {role}, unperturbed cells cannot tell."
    return Summary(answer, "poor" if doubts else "fair", " ".join((*doubts, _compared(result), cause)))


def _done(result: Perturbation) -> str:
    level = result.level_words("+.3g")
    return {
        "knock-out": f"Knocking out {result.gene}",
        "over-expression": f"Over-expressing {result.gene}",
        "knock-down": f"Knocking {result.gene} down to {result.level_words()}",
        "edges": f"Cutting {result.gene} off from {joined(list(result.targets))}",
        "shift": f"Starting with {result.gene} at {level} {result.unit}, and holding nothing afterwards,",
    }[result.kind]


def _outside(result: Perturbation) -> str:
    """That cells leave the data, further than they do without the change."""
    before, after = result.end_extrapolated
    typical, plain, changed = result.end_distance
    if after - before <= MAX_EXTRAPOLATED or changed < FAR * max(typical, plain):
        return ""
    times = f", {changed / typical:.1f} times as far as measured cells are from each other" if typical > 0 else ""
    return (
        f"sends {after:.0%} of the cells out of the measured data ({before:.0%} without the change): at the end they "
        f"lie {changed:.3g} {SPACE} from the nearest measured cell{times}; without the change {plain:.3g}"
    )


def _states(result: Perturbation) -> str:
    """The terminal state that gains or loses most."""
    k = largest_state(result)
    if k is None or not _stands_out(result, k):
        return ""
    before, after = (round(100 * float(each[k])) for each in (result.before, result.after))
    if result.names[k] == ELSEWHERE:
        return (
            f"takes the cells that end far from every terminal state (elsewhere) from {before}% to {after}% of cells "
            f"({_points(result, k)})"
        )
    return f"takes {result.names[k]} from {before}% to {after}% of cells ({_points(result, k)})"


def largest_state(result: Perturbation) -> int | None:
    """Place of the terminal state whose share changes most, elsewhere before another that loses what it gains; None
    where there is only one state."""
    if len(result.names) < 2:
        return None
    size = np.abs(result.change)
    last = result.names[-1] == ELSEWHERE and size[-1] >= size.max() - 1e-9
    return len(size) - 1 if last else int(np.argmax(size))


def _stands_out(result: Perturbation, k: int) -> bool:
    change = 100 * float(result.change[k])
    certain = not result.has_interval or not result.low[k] <= 0 <= result.high[k]
    return abs(change) >= LEAST_POINTS and _special(change, 100 * result.control_change[:, k]) and certain


def _special(change: float, controls: np.ndarray) -> bool:
    """Whether hardly any of these changes by control genes is as large."""
    return not len(controls) or float((np.abs(controls) >= abs(change)).mean()) <= MAX_AS_LARGE


def _points(result: Perturbation, k: int) -> str:
    before, after = (round(100 * float(each[k])) for each in (result.before, result.after))
    words = f"{after - before:+d} points"
    if not result.has_interval:
        return words
    low, high = (100 * float(each[k]) for each in (result.low, result.high))
    return f"{words}, 95 % interval {low:+.0f} to {high:+.0f}"


def _time(result: Perturbation) -> str:
    """Arrest, delay or haste: which measured cells those at the end resemble."""
    if not result.has_times:
        return ""
    low, shift, high = result.time_shift
    span = float(result.times[-1] - result.times[0])
    certain = np.isnan(low) or not low <= 0 <= high
    if abs(shift) < LEAST_SPAN * span or not _special(shift, result.control_time_shift) or not certain:
        return ""
    plain, changed = (at(float(each), result.time_unit) for each in result.end_time)
    what = "brings cells on faster" if shift > 0 else "delays the cells"
    if shift < 0 and result.late_progress[1] < STOPPED <= result.late_progress[0]:
        what = "arrests the cells"
    unit = pluralize(result.time_unit) or "time units"
    interval = "" if np.isnan(low) else f", 95 % interval {low:+.3g} to {high:+.3g}"
    return (
        f"{what}: at {at(float(result.times[-1]), result.time_unit)} they resemble cells measured at {changed}, "
        f"without the change those of {plain} (shift {shift:+.3g} {unit}{interval})"
    )


def _genes(result: Perturbation) -> str:
    """The genes that change most, up and down, where all together they change more than with control genes."""
    up, down = (telling_genes(result, sign) for sign in (1, -1))
    if not len(up) and not len(down):
        return ""
    parts = [
        f"{word} {joined([_gene(result, k) for k in found])}"
        for word, found in (("raises", up), ("lowers", down))
        if len(found)
    ]
    return " and ".join(parts) if len(parts) == 1 else f"{parts[0]}, and {parts[1]}"


def telling_genes(result: Perturbation, sign: int, count: int = LISTED) -> list[int]:
    """Rows of the genes that rise (+1) or fall (-1) most among those that hardly any control gene changes as much and
    whose interval leaves out zero; none where all genes together change no more than with control genes."""
    if result.total_change < LEAST_DEVIATIONS or not _special(result.total_change, result.control_total_change):
        return []
    change = sign * result.gene_change
    beyond = result.gene_as_large <= MAX_AS_LARGE
    if result.has_interval:
        beyond &= ~((result.gene_low <= 0) & (result.gene_high >= 0))
    beyond &= (change > 0) & ~np.isin(np.array(result.read_genes, dtype=object), list(result.genes))
    rows = np.flatnonzero(beyond)
    return [int(each) for each in rows[np.argsort(-change[rows], kind="stable")][:count]]


def _gene(result: Perturbation, k: int) -> str:
    """ "SOX2 (+1.2, 1.1 to 1.3)"."""
    interval = ""
    if result.has_interval:
        interval = f", {result.gene_low[k]:+.2g} to {result.gene_high[k]:+.2g}"
    return f"{result.read_genes[k]} ({result.gene_change[k]:+.2g}{interval})"


def _doubts(result: Perturbation) -> list[str]:
    """Why an answer should not be relied on."""
    doubts = []
    if result.outside > MAX_EXTRAPOLATED:
        doubts.append(
            f"{result.outside:.0%} of the changed cells lie outside the measured data: the model has never seen such "
            "cells, and what it says of them is a guess. No interval is given, since none would mean anything there."
        )
    if result.kept_variance < LEAST_KEPT:
        doubts.append(
            f"The axes of the state keep {result.kept_variance:.0%} of the variance of {result.gene}: the model hardly "
            "sees this gene, so it cannot tell what a change of it does."
        )
    if result.total_change < ALONE and len(result.gene_change) > len(result.genes):
        doubts.append(
            f"No other gene changes at all: in this model genes move each by itself, or none depends on {result.gene}, "
            "so it cannot tell what a change of one gene does to the others."
        )
    k = largest_state(result)
    if k is not None and result.has_interval and abs(result.change[k]) > 0 and result.low[k] <= 0 <= result.high[k]:
        doubts.append(
            f"The interval of the change of {result.names[k]} includes no change at all: this is not an effect to rely "
            "on."
        )
    return doubts


def _compared(result: Perturbation) -> str:
    """What the same change of control genes does: the median and the largest."""
    parts, k = [], largest_state(result)
    if k is not None:
        parts.append(f"changes {result.names[k]} by {_usual(100 * result.control_change[:, k], '.0f')} points")
    unit = pluralize(result.time_unit) or "time units"
    if result.has_times:
        parts.append(f"shifts the time by {_usual(result.control_time_shift, '.2g')} {unit}")
    parts.append(
        f"changes all genes by {_usual(result.control_total_change, '.2g')} standard deviations, against "
        f"{result.total_change:.2g} here"
    )
    many, together = len(result.control_genes), len(result.genes)
    others = "other genes" if together == 1 else f"sets of {together} other genes"
    return f"The same done to {many} {others}, drawn from those that vary about as much, {joined(parts)}."


def _usual(values: np.ndarray, style: str) -> str:
    """Median and largest size of some changes."""
    size = np.abs(values)
    return f"{np.median(size):{style}} (at most {size.max():{style}})"


def _nothing(result: Perturbation) -> Summary:
    """Nothing that differs from what control genes do."""
    if result.kept_variance < LEAST_KEPT:
        return Summary(
            f"This model cannot tell what {_done(result)[:1].lower()}{_done(result)[1:]} does.",
            "poor",
            " ".join(_doubts(result)),
        )
    named = [each for each in result.names if each != ELSEWHERE]
    ends = "All cells end in the one terminal state there is, as before" if len(named) == 1 else "Cells end as before"
    answer = (
        f"{_done(result)} changes nothing that stands out. {ends}{_unchanged_time(result)}; the genes change by "
        f"{result.total_change:.2g} standard deviations."
    )
    if not len(result.control_genes):
        return Summary(answer, "fair", " ".join((*_doubts(result), "There are no genes to compare with.")))
    special = f"There is nothing special about {result.gene} in this model."
    return Summary(answer, "poor", " ".join((*_doubts(result), _compared(result), special)))


def _unchanged_time(result: Perturbation) -> str:
    if not result.has_times:
        return ""
    plain, changed = (at(float(each), result.time_unit) for each in result.end_time)
    return f", and resemble cells measured at {changed} (before: {plain})"


def of_truth(result: Perturbation, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """What truly happens, as Markdown, and how far the model is from it where both count the same states."""
    known = "; ".join(f"**{name}** from {before[name]:.0%} to {after[name]:.0%}" for name in before)
    text = f"These cells come from a simulated circuit, so it is known what this change does to them: {known}."
    if not set(result.names) <= {*before, ELSEWHERE}:
        return f"{text} To compare in numbers, count cells by their true fate."
    gaps = [
        max(abs(float(b) - before.get(name, 0.0)), abs(float(a) - after.get(name, 0.0)))
        for name, b, a in zip(result.names, result.before, result.after, strict=True)
    ]
    return f"{text} The model is off by at most {100 * max(gaps):.0f} points, before or after the change."


def notes_of(result: Perturbation) -> Sequence[str]:
    """What must stand below every picture and table of it."""
    return (
        *result.notes,
        f"Interval: {result.interval}.",
        f"Extrapolated: {result.extrapolated_fraction:.1%} of the perturbed states.",
    )
