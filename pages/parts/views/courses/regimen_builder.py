"""The builder of two regimens and the question about them, which the link keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from cellflow_core.analysis.courses.observed_doses import ObservedDoses, observed_doses
from cellflow_core.analysis.courses.plan_words import plan_words, read_plan
from cellflow_core.analysis.courses.regimen import Plan, Regimen
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.reporting.formatting import plain
from pages.parts.views.courses.individuals import Individuals
from pages.parts.widgets import background, side

POPULATION = "The population"
NEVER = ObservedDoses((1.0, 1.0), (1.0, 1.0), 1, 0.0, 1.0)
"""Where no one was given anything."""
MOST_DOSES, LEAST_INTERVAL = 100, 0.001
"""What the fields of the builder take."""


class Asked(NamedTuple):
    """Two plans, of whom, from when to when, and the window in which time is counted."""

    plans: list[Plan]
    individual: int | None
    start: float
    end: float | None
    window: tuple[float | None, float | None]


def form(look: Individuals) -> Asked:
    """The builder, as the link has it or, at first, with the usual doses beside twice as much.

    Raises ValueError, with a sentence, for what no one can be given and for a window that is empty.
    """
    with st.form(side.key("regimens"), border=True):
        parts = [(name, _treatments(name, look.data, factor)) for name, factor in (("A", 1.0), ("B", 2.0))]
        who, start, until, window = _question(look)
        asked = st.form_submit_button("Compare", type="primary", icon=":material/compare_arrows:", width="stretch")
    plans = [Plan(f"Regimen {name}", tuple(Regimen(**each) for each in values)) for name, values in parts]
    low, high = window
    if low is not None and high is not None and low > high:
        raise ValueError("The window ends below its beginning: exchange its two values.")
    if asked or side.key("A") in st.query_params:  # an undo chooses an earlier question again
        _link(plans, who, until, window)
    return Asked(plans, who, start, start + until if until else None, window)


def _link(plans: list[Plan], who: int | None, until: float, window: tuple[float | None, float | None]) -> None:
    """The question as parameters of the link; what is as usual is left out."""
    held = {"A": plan_words(plans[0]), "B": plan_words(plans[1]), "who": "" if who is None else str(who)}
    numbers = {"until": until or None, "low": window[0], "high": window[1]}
    held |= {name: "" if each is None else f"{each:.12g}" for name, each in numbers.items()}
    for name, words in ((side.key(each), words) for each, words in held.items()):
        if words:
            st.query_params[name] = words
        else:
            st.query_params.pop(name, None)


def _linked_plan(name: str, data: Trajectories) -> dict[int, Regimen] | None:
    """The regimens of the link by treatment; None where it has none."""
    words = st.query_params.get(side.key(name))
    if words is None:
        return None
    try:
        found = {each.treatment: each for each in read_plan(words).regimens}
        if any(each.number > MOST_DOSES or each.interval < LEAST_INTERVAL for each in found.values()):
            raise ValueError(f"at most {MOST_DOSES} doses, {LEAST_INTERVAL:g} apart or more, can be asked for here")
    except ValueError as error:
        st.warning(f"The link holds no regimen {name}: {background.sentence(error)}", icon=":material/link_off:")
        return None
    return {k: each for k, each in found.items() if k < len(data.treatments)}


def _linked_number(name: str) -> float | None:
    """A finite number of the link; None where it has none."""
    try:
        found = float(st.query_params.get(side.key(name), ""))
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _treatments(name: str, data: Trajectories, factor: float) -> list[dict[str, Any]]:
    """The regimens of one plan, one for each treatment that is given."""
    st.markdown(f"**Regimen {name}**")
    linked, several = _linked_plan(name, data), len(data.treatments) > 1
    found = []
    for k, treatment in enumerate(data.treatments):
        usual = _first_values(data, k, factor if k == 0 else 0.0)
        at_first = usual if linked is None else linked.get(k, Regimen(0.0, usual.interval, usual.number))
        if several:
            st.caption(plain(treatment))
        found.append(_regimen(f"regimen_{name}_{k}" if k else f"regimen_{name}", data, k, at_first))
    given = [each for each in found if each["amount"] > 0 or each["loading"] > 0]
    return given or found[:1]


def _first_values(data: Trajectories, treatment: int, factor: float) -> Regimen:
    """What was usual, times a factor, within what was observed."""
    common = usual(data, treatment)
    most = (observed_doses(data, treatment) or NEVER).amount[1]
    amount = min(factor * common["amount"], most)
    number, interval = min(int(common["number"]), MOST_DOSES), max(common["interval"], LEAST_INTERVAL)
    return Regimen(amount, interval, number, common["duration"], treatment=treatment)


def _regimen(key: str, data: Trajectories, treatment: int, first: Regimen) -> dict[str, Any]:
    """The builder of the doses of one treatment."""
    low, high = (observed_doses(data, treatment) or NEVER).amount
    unit = f" ({plain(data.time_unit)})" if data.time_unit else ""
    left, right = st.columns(2, gap="small")
    amount = left.number_input(
        "Amount",
        0.0,
        value=float(first.amount),
        key=side.undone(f"{key}_amount"),
        help=f"Single doses of {low:g} to {high:g} were observed." + (" 0: none." if len(data.treatments) > 1 else ""),
    )
    number = right.number_input(
        "Doses",
        1,
        MOST_DOSES,
        int(first.number),
        key=side.undone(f"{key}_number"),
        help=f"How many, at most {MOST_DOSES}.",
    )
    interval = left.number_input(
        f"Interval{unit}", LEAST_INTERVAL, value=float(first.interval), key=side.undone(f"{key}_interval")
    )
    delay = right.number_input(
        f"Delay{unit}",
        0.0,
        value=float(first.delay),
        key=side.undone(f"{key}_delay"),
        help="From the beginning of the plan to the first dose.",
    )
    unusual = first.duration or first.loading or first.missed
    with st.expander("Infusion, loading dose, missed doses", expanded=bool(unusual)):
        duration = st.number_input(
            f"Infusion over{unit}", 0.0, value=float(first.duration), key=side.undone(f"{key}_duration")
        )
        loading = st.number_input(
            "Loading dose",
            0.0,
            value=float(first.loading),
            key=side.undone(f"{key}_loading"),
            help="0: the first as the others.",
        )
        missed = st.text_input(
            "Missed doses",
            ", ".join(map(str, first.missed)),
            key=side.undone(f"{key}_missed"),
            placeholder="such as 2, 5",
        )
    return {
        "amount": amount,
        "interval": interval,
        "number": int(number),
        "duration": duration,
        "loading": loading,
        "missed": _numbers(missed),
        "treatment": treatment,
        "delay": delay,
    }


def _numbers(text: str) -> tuple[int, ...]:
    parts = [each.strip() for each in text.replace(";", ",").split(",") if each.strip()]
    wrong = [each for each in parts if not each.isdigit()]
    if wrong:
        st.warning(f"“{plain(wrong[0])}” is not the number of a dose, such as 2.")
    return tuple(int(each) for each in parts if each.isdigit())


def usual(data: Trajectories, treatment: int) -> dict[str, float]:
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


def _question(look: Individuals) -> tuple[int | None, float, float, tuple[float | None, float | None]]:
    """(individual or None, beginning, how long or 0, window)."""
    names = [POPULATION, *(str(each) for each in look.data.subjects.tolist())]
    linked = st.query_params.get(side.key("who"), POPULATION)
    who = str(
        st.selectbox(
            "Who",
            names,
            names.index(linked) if linked in names else 0,
            key=side.undone("who"),
            help="An individual goes on from its last measurement.",
        )
    )
    left, right = st.columns(2, gap="small")
    low = left.number_input(
        "Window from", value=_linked_number("low"), key=side.undone("window_low"), placeholder="none"
    )
    high = right.number_input(
        "Window to", value=_linked_number("high"), key=side.undone("window_high"), placeholder="none"
    )
    until = st.number_input(
        "Until, after the beginning",
        0.0,
        value=max(_linked_number("until") or 0.0, 0.0),
        key=side.undone("until"),
        help="0: long enough.",
    )
    if who == POPULATION:
        return None, float(look.data.doses.time.min()), until, (low, high)
    return int(who), float(look.data.take([int(who)]).t.max()), until, (low, high)
