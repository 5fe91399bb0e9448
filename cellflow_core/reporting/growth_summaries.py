"""Growth in one sentence with its numbers; empty for a model without growth. Pure: results in, words out."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import Fates, FlowField, TimeCourse
from cellflow_core.reporting.summaries import at
from cellflow_core.time_units import of_one, pluralize


def of_flow(result: FlowField, unit: str) -> str:
    """The growth rates of the cells of one time."""
    if result.growth is None:
        return ""
    low, median, high = np.quantile(result.growth, [0.05, 0.5, 0.95])
    per = at(1, unit).rsplit(" ", 1)[0]
    return (
        f"At {at(result.time, unit)} the median growth rate is {median:+.2g} per {per}; 90 % of cells lie between "
        f"{doubling(low, unit)} ({low:+.2g}) and {doubling(high, unit)} ({high:+.2g})."
    )


def doubling(rate: float, unit: str) -> str:
    """A rate (1 / time) as the time of a doubling or a halving."""
    if abs(rate) < 0.005:
        return "hardly any change"
    word = "doubling" if rate > 0 else "halving"
    time = f"{np.log(2) / abs(rate):.2g}"
    return f"{word} every {time} {(of_one(unit) if time == '1' else pluralize(unit)) or 'time units'}"


def of_course(result: TimeCourse, unit: str) -> str:
    """The size of the population at the end, against the counted one."""
    if result.mass is None:
        return ""
    if result.measured_mass is None:
        return (
            "The population size was not measured in these data: the model learnt only relative growth, how much more "
            "some cells grow than others."
        )
    low, number, high = result.mass[-1]
    begin, end = at(result.times[0], unit), at(result.times[-1], unit)
    grown = f"From {begin} to {end} one cell becomes {number:.2g} on average (95 % of samples: {low:.2g} to {high:.2g})"
    counted = float(result.measured_mass[-1])
    error = abs(number / counted - 1)
    how = "which it was trained on" if result.in_training[-1] else "which was held out"
    return f"{grown}; counted were {counted:.2g}, {how}: off by {error:.0%}."


def of_fates(result: Fates) -> str:
    """What growth changes of the proportions of the fates."""
    if result.without_growth is None or result.growth_effect is None:
        return ""
    k = int(np.argmax(np.abs(result.growth_effect[:, 1])))
    low, points, high = 100 * result.growth_effect[k]
    effect = (
        f"Without growth, {result.without_growth[k, 1]:.0%} of the initial cells become {result.names[k]}; as some "
        f"divide more than others, it holds {result.share[k]:.0%} of the cells at the end: {points:+.0f} points by "
        f"growth (95 % interval {low:+.0f} to {high:+.0f})"
    )
    return f"{effect}, which is not different from zero." if low <= 0 <= high else f"{effect}."
