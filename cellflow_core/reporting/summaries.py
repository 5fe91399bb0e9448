"""The answer of a view in one sentence with its numbers, and how far it can be trusted. Pure: results in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from cellflow_core.analysis.results import FlowField, Landscape, TimeCourse
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.analysis.results.trust import WELL, Check, check, check_course
from cellflow_core.distance_units import SPACE
from cellflow_core.reporting.fields.barriers import of_basin
from cellflow_core.time_units import format_duration, format_time, singular

Trust = Literal["good", "fair", "poor"]
MAX_LEAVING = 0.2
"""Share of simulated cells that leave the map above which a landscape is not trusted."""
MENTIONED = 0.02
"""Share of simulated cells above which those that leave the map stand in the answer."""


class Summary(NamedTuple):
    """An answer; trust in it in one word, and why."""

    answer: str
    trust: Trust
    why: str


class HeldOut(NamedTuple):
    """What a copy of the model that never saw a time predicted for it: distances as in TimeCourse."""

    time: float
    w1: float
    previous: float
    floor: float


def at(time: float, unit: str) -> str:
    """ "day 2", "hour 2", "time 2": a time with its unit as people say it."""
    return f"{singular(unit) or 'time'} {format_time(time)}"


def of_landscape(result: Landscape, unit: str) -> Summary:
    begin_time, end_time = result.path_times[[0, -1]]
    if begin_time == end_time:
        why = "Choose a group, or draw around cells, that were measured earlier."
        return Summary(f"These cells were measured last, at {at(end_time, unit)}: nothing follows them.", "poor", why)
    course = f"By {at(end_time, unit)}"
    if np.isnan(result.cell_time).all():
        course = f"After {format_duration(end_time - begin_time, unit)} of the velocities' own time"
    return _settling(result, course, *_surface_trust(result))


def of_chain_landscape(result: Landscape) -> Summary:
    """Where walks along transitions between measured cells end."""
    why = "Steps have no unit of time, and the surface is that of the transitions, as sure as their direction is."
    return _settling(result, f"After {result.path_times[-1]:,.0f} steps along the transitions", "fair", why)


def _settling(result: Landscape, course: str, trust: Trust, why: str) -> Summary:
    """Shares of the simulated cells by basin; course: when, as a sentence begins."""
    stays = np.isfinite(result.path_height[-1])
    count, left = len(stays), int((~stays).sum())
    if not stays.any():
        why = "None of them ends where cells were measured, so this surface says nothing of where they go."
        return Summary(f"{course}, all {count} simulated cells leave the map.", "poor", why)
    simulated = f"{result.simulated:,} simulated cells"
    of = (f" of {simulated} settle", *[""] * len(result.basins))
    found = [f"{share:.0%}{of[k]} in {of_basin(result.names[k])}" for k, share in enumerate(result.settled)]
    if left >= MENTIONED * count:
        found.append(f"{left / count:.0%} leave the map of measured cells")
    answer = f"{course}, {joined(found)}." if len(result.basins) else f"{course}, {simulated} settle in no basin."
    if left > MAX_LEAVING * count:
        trust, why = "poor", f"{why} Of the cells that leave it, this surface does not tell what becomes of them."
    return Summary(answer, trust, why)


def _surface_trust(result: Landscape) -> tuple[Trust, str]:
    """How much of the motion the surface can show."""
    share = result.non_gradient
    if result.kind == "learnt potential":
        return "fair", (
            "This model can steer cells downhill only: its surface shows all that it learnt of their direction. "
            "Whether real cells also go around it cannot tell: compare its error on Time with that of a freer model, "
            "OT-CFM for example."
        )
    if np.isnan(share):
        return "fair", "This model has no velocity field: the surface shows where its cells are, not why."
    part = f"{1 - share:.0%} of the cells' motion goes downhill, {share:.0%} goes around, which no landscape can show"
    if share <= 0.2:
        return "good", f"{part}: a landscape is a fair picture of this motion."
    if share <= 0.5:
        return "fair", f"{part}: this tells a part of the story. See Flow for the whole motion."
    return "poor", f"{part}: do not read this landscape as what drives the cells. See Flow instead."


def of_flow(result: FlowField, unit: str, course: TimeCourse | None, one_time: bool = False) -> Summary:
    """one_time: there is no second measured time that the flow could be compared with."""
    known = result.speed[np.isfinite(result.speed)]
    timed = not np.isnan(result.time)
    if not len(known):
        where = f" at {at(result.time, unit)}" if timed else ""
        return Summary(f"There are no cells{where} to show a motion for.", "poor", "Choose a time with measured cells.")
    quick = np.quantile(known, 0.95) / max(float(np.median(known)), 1e-12)
    when = f"At {at(result.time, unit)}, the" if timed else "The"
    answer = (
        f"{when} fastest cells move {quick:.1f} times as fast as the typical one "
        f"({np.median(known):.2g} units of {result.speed_axes} per {singular(unit) or 'unit of time'}"
        f"{_of_map(result)})."
    )
    if one_time:
        known_times = "The cells were measured at one time" if timed else "No time of the cells is known"
        return Summary(answer, "fair", f"{known_times}: no later cells can confirm this flow.")
    if course is None:
        return Summary(answer, "fair", "The check against measured cells is being calculated; the Time page has it.")
    return Summary(answer, *against_measured(course, unit))


def _of_map(result: FlowField) -> str:
    """The typical speed as a share of the width of the map, in words; "" where speed is not one on the map."""
    if result.speed_axes != "the map":
        return ""
    width = max(float(np.ptp(result.x)), float(np.ptp(result.y)))
    return f", {float(np.nanmedian(result.speed)) / width:.0%} of its width"


def of_course(result: TimeCourse, time: float, held: Sequence[HeldOut], unit: str) -> Summary:
    for each in held:
        if np.isclose(each.time, time):
            answer = (
                f"A copy of this model that never saw {at(time, unit)} predicts its cells to within a mean distance of "
                f"{each.w1:.2g} {SPACE}; keeping the cells of the time before misses by {each.previous:.2g}, two "
                f"halves of the measured cells differ by {each.floor:.2g}."
            )
            return Summary(answer, *_held_out([each], result, unit))
    frame = np.flatnonzero(np.isclose(result.measured_times, time))
    if len(frame) and np.isfinite(result.w1[frame[0]]):
        k = frame[0]
        how = "which it was trained on" if result.in_training[k] else "which it never saw"
        answer = (
            f"At {at(time, unit)}, {how}, predicted cells lie {result.w1[k]:.2g} {SPACE} from the "
            f"measured ones; keeping the cells of the time before misses by {result.w1_previous[k]:.2g}, two halves of "
            f"the measured cells differ by {result.w1_floor[k]:.2g}."
        )
    elif len(frame):
        answer = f"The prediction starts here, from the cells measured at {at(time, unit)}."
    else:
        count = result.predicted.shape[1]
        answer = f"Nobody measured {at(time, unit)}: these {count:,} cells are the model's prediction."
    return Summary(answer, *(_held_out(held, result, unit) if held else against_measured(result, unit)))


def _held_out(held: Sequence[HeldOut], result: TimeCourse, unit: str) -> tuple[Trust, str]:
    """Trust from copies that never saw a time; poor where the run itself fails at a time it was trained on."""
    times, w1, previous, floor = np.array(held, dtype=float).T
    trust, why = trust_of(check(times, w1, previous, floor, np.zeros(len(times), bool)), unit)
    own, own_why = against_measured(result, unit)
    return ("poor", f"{why} {own_why}") if own == "poor" != trust else (trust, why)


def limited(summary: Summary, course: TimeCourse | None, unit: str) -> Summary:
    """An answer that rests on the roll-out from the first time: trusted no more than this, with the reason."""
    if course is None:
        return summary
    trust, why = against_measured(course, unit)
    order = ("poor", "fair", "good")
    lower = trust if order.index(trust) < order.index(summary.trust) else summary.trust
    return Summary(summary.answer, lower, " ".join(each for each in (summary.why, why) if each))


def against_measured(course: TimeCourse, unit: str) -> tuple[Trust, str]:
    """Trust from the worst measured time, of those held out where there are any; poor where the prediction is no better
    than no motion at one of them."""
    return trust_of(check_course(course), unit)


def trust_of(found: Check, unit: str) -> tuple[Trust, str]:
    """Trust and its reason."""
    if not len(found.times):
        return "fair", "There is no later measured time to check the prediction against."
    if found.failed.any():
        k = int(np.flatnonzero(found.failed)[np.argmin(found.explained[found.failed])])
        times = joined([at(each, unit) for each in found.times[found.failed]])
        return "poor", (
            f"At {times} the prediction is no better than no motion: at {at(found.times[k], unit)} predicted cells lie "
            f"{found.w1[k]:.2g} {SPACE} from the measured ones, those of the time before {found.previous[k]:.2g}. "
            "Do not trust this model there, nor at what follows from it."
        )
    k = found.worst
    if k is None:
        return "fair", "The cells hardly move between the measured times: there is no motion to check a prediction by."
    flatters = "which it was trained on: that flatters any model"
    how = flatters if found.in_training[k] else "which was held out"
    text = (
        f"At the worst time, {at(found.times[k], unit)}, {how}, the prediction explains "
        f"{min(float(found.explained[k]), 1):.0%} of the motion that can be explained."
    )
    return ("good" if found.explained[k] >= WELL and not found.in_training[k] else "fair"), text
