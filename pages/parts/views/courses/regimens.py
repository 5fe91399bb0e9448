"""Doses that were not given: two regimens beside each other, or other treatments of an individual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.courses.observed_doses import ObservedDoses, observed_doses
from cellflow_core.analysis.courses.regimen import Plan, Regimen
from cellflow_core.analysis.results import RegimenComparison
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.figures.courses import regimens as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_time
from pages.parts.views import view
from pages.parts.views.courses.individuals import Individuals
from pages.parts.widgets import background, chart

POPULATION = "The population"
NEVER = ObservedDoses((1.0, 1.0), (1.0, 1.0), 1, 0.0, 1.0)
"""Where no one was given anything."""


def show(run: Run, look: Individuals) -> None:
    """The answer first, then the builder, whose numbers are kept while the page is open."""
    if not len(look.data.doses.time):
        st.info("No one was given a dose in these data, so a model of them knows nothing of doses.")
        return
    answer = st.container()
    with st.form("regimens", border=True):
        left, right = st.columns(2, gap="large")
        with left:
            a = _regimen("A", look.data, 1.0)
        with right:
            b = _regimen("B", look.data, 2.0)
        who, start, end, window = _question(look)
        st.form_submit_button("Compare", type="primary", icon=":material/compare_arrows:")
    try:
        plans = [Plan(name, (Regimen(**each),)) for name, each in (("Regimen A", a), ("Regimen B", b))]
    except ValueError as error:
        answer.error(background.sentence(error), icon=":material/error:")
        return
    low, high = window
    if low is not None and high is not None and low > high:
        answer.error("The window ends below its beginning: exchange its two values.")
        return
    with answer:
        _show(run, look, plans, individual=who, start=start, end=end, window=window)


def show_treatments(run: Run, look: Individuals) -> None:
    """One individual from a time on: what it was given, nothing more, and other doses or treatments."""
    data = look.data
    if not len(data.doses.time):
        st.info("No one was given a dose in these data, so a model of them knows nothing of treatments.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        who = int(st.selectbox("Individual", data.subjects.tolist(), key="individual", bind="query-params"))
    own = data.take([who])
    times = {format_time(each): float(each) for each in own.times[:-1]}
    if not times:
        st.info("This individual was measured once: there is no time at which its treatment could change.")
        return
    with right:
        middle = list(times)[(len(times) - 1) // 2]
        words = st.select_slider("From time", list(times), middle, key=f"from_{who}")
    start = times[str(words)]
    plans = _alternatives(own, data, start)
    names = [each.name for each in plans]
    shown = st.pills("Plans", names, selection_mode="multi", default=names[:3], key=f"plans_{who}_{names[1]}")
    chosen = [each for each in plans if each.name in shown]
    if not chosen:
        st.info("Choose a plan.")
        return
    end = float(own.t.max())
    _show(run, look, chosen, individual=who, start=start, end=end, window=(None, None))


def _show(run: Run, look: Individuals, plans: Sequence[Plan], **question: Any) -> None:
    asked = analysis_pool.submit_analysis(
        "plans", run.id, variable=look.variable, plans=tuple(each.plain for each in plans), **question
    )
    result: RegimenComparison = background.result_of(asked, "Simulating the plans")
    view.show_summary(summaries.of_plans(result))
    figure = figures.regimens(result, logarithmic=look.logarithmic, dark=chart.dark())
    chart.chart(figure, "courses_plans", figures.describe(result))
    rows = tables.plan_rows(result)
    st.dataframe(rows, hide_index=True, key="plan_numbers")
    view.notes(result.notes)
    curves = tables.course_rows(result, result.plans)
    view.numbers(figure, curves, f"plans-{run.id}", "plans", "Data table: courses")


def _regimen(name: str, data: Trajectories, factor: float) -> dict[str, Any]:
    """The builder of one regimen: at first what was observed, times a factor."""
    st.markdown(f"**Regimen {name}**")
    key = f"regimen_{name}"
    treatment = 0
    if len(data.treatments) > 1:
        treatment = st.selectbox(
            "Treatment", range(len(data.treatments)), format_func=lambda k: data.treatments[k], key=f"{key}_treatment"
        )
    known = observed_doses(data, int(treatment)) or NEVER
    usual = _usual(data, int(treatment))
    unit = f" ({plain(data.time_unit)})" if data.time_unit else ""
    low, high = known.amount
    left, right = st.columns(2, gap="small")
    amount = left.number_input(
        "Amount",
        0.0,
        value=min(factor * usual["amount"], high),
        key=f"{key}_amount",
        help=f"Single doses of {low:g} to {high:g} were observed.",
    )
    interval = right.number_input(f"Interval{unit}", 0.001, value=usual["interval"], key=f"{key}_interval")
    number = left.number_input("Number of doses", 1, 100, int(usual["number"]), key=f"{key}_number")
    duration = right.number_input(f"Infusion over{unit}", 0.0, value=usual["duration"], key=f"{key}_duration")
    loading = left.number_input(
        "Loading dose", 0.0, value=0.0, key=f"{key}_loading", help="0: the first as the others."
    )
    missed = right.text_input("Missed doses", key=f"{key}_missed", placeholder="such as 2, 5")
    return {
        "amount": amount,
        "interval": interval,
        "number": int(number),
        "duration": duration,
        "loading": loading,
        "missed": _numbers(missed),
        "treatment": int(treatment),
    }


def _numbers(text: str) -> tuple[int, ...]:
    parts = [each.strip() for each in text.replace(";", ",").split(",") if each.strip()]
    wrong = [each for each in parts if not each.isdigit()]
    if wrong:
        st.warning(f"“{plain(wrong[0])}” is not the number of a dose, such as 2.")
    return tuple(int(each) for each in parts if each.isdigit())


def _usual(data: Trajectories, treatment: int) -> dict[str, float]:
    """The median dose, interval, number and infusion of a treatment in the data."""
    doses = data.doses.of(data.subjects)
    kept = doses.treatment == treatment
    if not kept.any():
        return {"amount": 1.0, "interval": 24.0, "number": 1, "duration": 0.0}
    subject, time = doses.subject[kept], doses.time[kept]
    order = np.lexsort((time, subject))
    gaps = np.diff(time[order])[np.diff(subject[order]) == 0]
    gaps = gaps[gaps > 0]
    counts = np.unique(subject, return_counts=True)[1]
    return {
        "amount": float(np.median(doses.amount[kept])),
        "interval": float(np.median(gaps)) if len(gaps) else 24.0,
        "number": float(np.median(counts)),
        "duration": float(np.median(doses.duration[kept])),
    }


def _question(look: Individuals) -> tuple[int | None, float, float | None, tuple[float | None, float | None]]:
    """(individual or None, beginning, end, window)."""
    first, second, third, fourth = st.columns(4, gap="small")
    names = [POPULATION, *(str(each) for each in look.data.subjects.tolist())]
    with first:
        who = str(st.selectbox("Who", names, key="who", help="An individual goes on from its last measurement."))
    with second:
        until = st.number_input("Until, after the beginning", 0.0, value=0.0, key="until", help="0: long enough.")
    with third:
        low = st.number_input("Window from", value=None, key="window_low", placeholder="none")
    with fourth:
        high = st.number_input("Window to", value=None, key="window_high", placeholder="none")
    if who == POPULATION:
        start = float(look.data.doses.time.min())
        return None, start, start + until if until else None, (low, high)
    start = float(look.data.take([int(who)]).t.max())
    return int(who), start, start + until if until else None, (low, high)


def _alternatives(own: Trajectories, data: Trajectories, start: float) -> list[Plan]:
    """What an individual could be given from a time on: parts of what it was given, or the usual dose once, where it
    got no more."""
    left = float(own.t.max()) - start
    doses = own.doses.of(own.subjects)
    plans = [Plan("as given", given=1.0)]
    if (doses.time >= start).any():
        plans += [Plan("nothing more"), Plan("twice as much", given=2.0), Plan("half as much", given=0.5)]
    else:
        treatment = int(doses.treatment[doses.time.argmax()]) if len(doses.time) else 0
        usual = _usual(own if len(doses.time) else data, treatment)
        for name, factor in (("the usual dose", 1.0), ("twice the usual dose", 2.0), ("half the usual dose", 0.5)):
            once = Regimen(factor * usual["amount"], left, duration=usual["duration"], treatment=treatment)
            plans.append(Plan(name, (once,)))
    if len(own.treatments) > 1:
        for k, name in enumerate(own.treatments):
            usual = _usual(own, k)
            number = max(1, min(100, int(max(1.0, left) // usual["interval"])))
            plans.append(Plan(f"{name} only", (Regimen(usual["amount"], usual["interval"], number, treatment=k),)))
    return plans
