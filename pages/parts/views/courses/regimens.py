"""Doses that were not given: two regimens beside each other, or other treatments of an individual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cellflow_core.analysis.courses.regimen import Plan, Regimen
from cellflow_core.analysis.results import RegimenComparison
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.figures.courses import regimens as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_time
from pages.parts.views import view
from pages.parts.views.courses import regimen_builder
from pages.parts.views.courses.individuals import Individuals
from pages.parts.widgets import background, chart, side


def show(run: Run, look: Individuals, place: view.Layout) -> None:
    """Two plans beside each other; the builder is beside the picture."""
    if not len(look.data.doses.time):
        place.picture.info("No one was given a dose in these data, so a model of them knows nothing of doses.")
        return
    with place.controls:
        try:
            asked = regimen_builder.form(look)
        except ValueError as error:
            place.answer.error(background.sentence(error), icon=":material/error:")
            return
    _show(run, look, place, **asked._asdict())


def show_treatments(run: Run, look: Individuals, place: view.Layout) -> None:
    """One individual from a time on: what it was given, nothing more, and other doses or treatments."""
    data = look.data
    if not len(data.doses.time):
        place.picture.info("No one was given a dose in these data, so a model of them knows nothing of treatments.")
        return
    with place.controls:
        who = int(st.selectbox("Individual", data.subjects.tolist(), **side.bound("individual")))
        own = data.take([who])
        times = {format_time(each): float(each) for each in own.times[:-1]}
        if not times:
            st.info("This individual was measured once: there is no time at which its treatment could change.")
            return
        start = times[_since(who, list(times))]
        chosen = _chosen(who, _alternatives(own, data, start))
        if not chosen:
            st.info("Choose a plan.")
            return
    end = float(own.t.max())
    _show(run, look, place, plans=chosen, individual=who, start=start, end=end, window=(None, None))


def _since(who: int, times: list[str]) -> str:
    """The time from which treatments differ, which the link keeps; the middle one at first."""
    linked, middle = st.query_params.get(side.key("since")), times[(len(times) - 1) // 2]
    first = linked if linked in times else middle
    since = str(st.select_slider("From time", times, first, key=side.undone(f"from_{who}")))
    _link("since", [since] if since != middle else [])
    return since


def _chosen(who: int, plans: list[Plan]) -> list[Plan]:
    """The plans that are compared, which the link keeps; the first three at first."""
    names = [each.name for each in plans]
    linked = [each for each in names if each in st.query_params.get_all(side.key("plan"))]
    key = side.undone(f"plans_{who}_{names[1]}")
    shown = st.pills("Plans", names, selection_mode="multi", default=linked or names[:3], key=key, wrap=True)
    chosen = [each for each in plans if each.name in shown]
    _link("plan", [each.name for each in chosen] if chosen != plans[:3] else [])
    return chosen


def _link(name: str, values: list[str]) -> None:
    """Keep what is not as at first in the link."""
    name = side.key(name)
    if values:
        st.query_params[name] = values
    else:
        st.query_params.pop(name, None)


def _show(run: Run, look: Individuals, place: view.Layout, *, plans: Sequence[Plan], **question: Any) -> None:
    asked = analysis_pool.submit_analysis(
        "plans", run.id, variable=look.variable, plans=tuple(each.plain for each in plans), **question
    )
    with place.picture:
        result: RegimenComparison = background.result_of(asked, "Simulating the plans")
        figure = figures.regimens(result, logarithmic=look.logarithmic, dark=chart.dark())
        chart.chart(figure, "courses_plans", figures.describe(result))
        chart.listed(tables.plan_rows(result), f"plan-numbers-{run.id}", "plan_numbers")
    with place.answer:
        view.show_summary(summaries.of_plans(result))
    with place.more:
        view.notes(result.notes)
        curves = tables.course_rows(result, result.plans)
        view.numbers(figure, curves, f"plans-{run.id}", "plans", "Data table: courses")


def _alternatives(own: Trajectories, data: Trajectories, start: float) -> list[Plan]:
    """What an individual could be given from a time on: parts of what it was given, or the usual dose once, where it
    got no more; of several treatments each alone, and all of them together."""
    left = float(own.t.max()) - start
    doses = own.doses.of(own.subjects)
    plans = [Plan("as given", given=1.0)]
    if (doses.time >= start).any():
        plans += [Plan("nothing more"), Plan("twice as much", given=2.0), Plan("half as much", given=0.5)]
    else:
        treatment = int(doses.treatment[doses.time.argmax()]) if len(doses.time) else 0
        usual = regimen_builder.usual(own if len(doses.time) else data, treatment)
        for name, factor in (("the usual dose", 1.0), ("twice the usual dose", 2.0), ("half the usual dose", 0.5)):
            once = Regimen(factor * usual["amount"], left, duration=usual["duration"], treatment=treatment)
            plans.append(Plan(name, (once,)))
    if len(own.treatments) > 1:
        each = [_until_the_end(own, data, k, left) for k in range(len(own.treatments))]
        plans += [Plan(f"{name} only", (one,)) for name, one in zip(own.treatments, each, strict=True)]
        plans.append(Plan("all together", tuple(each)))
    return plans


def _until_the_end(own: Trajectories, data: Trajectories, treatment: int, left: float) -> Regimen:
    """The usual doses of a treatment, those of this individual where it got some."""
    got = (own.doses.of(own.subjects).treatment == treatment).any()
    usual = regimen_builder.usual(own if got else data, treatment)
    number = max(1, min(100, int(max(1.0, left) // usual["interval"])))
    return Regimen(usual["amount"], usual["interval"], number, treatment=treatment)
