"""The "which model?" guide: goals in, a ranked choice with reasons out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DatasetInfo
from cellflow_core.reporting.formatting import plain
from cellflow_core.selection import recommendation
from cellflow_core.selection.benchmark_results import Evidence, course_evidence, evidence, measured_here
from pages.parts.widgets.selectors import WORDS

SHOWN = 3
"""Models that are offered at once; every other one is in the list below them."""
ASKED = {
    "motion": "Motion",
    "stochasticity": "Stochastic",
    "landscape": "Landscape",
    "growth": "Growth",
    "individuals": "Individuals",
}


def choose_model(info: DatasetInfo, cards: Mapping[str, Any]) -> tuple[Any, recommendation.Recommendation]:
    """The card of the chosen model and how it stands with these data; `?model=` in the URL."""
    st.header("1. What do you want to know?")
    goals = _goals(DataRequirement.SUBJECTS in info.has)
    ranked = {each.model: each for each in recommendation.rank(info, cards.values(), goals, _measured(info, cards))}
    if DataRequirement.TIMES not in info.has:
        known = "These cells were measured at one moment" if info.times else "The time of these cells is not known"
        st.caption(
            f"{known}: models that need no times are offered first. For the others, order the cells by pseudotime on "
            "the Data page, or load cells of other times too."
        )
    key, front = (
        "train_model",
        [name for name, each in ranked.items() if each.trainable][:SHOWN] or list(ranked)[:SHOWN],
    )
    if st.session_state.get(key) not in ranked:
        wanted = st.query_params.get("model")
        st.session_state[key] = wanted if wanted in ranked else front[0]
    options = list(dict.fromkeys((*front, st.session_state[key])))
    chosen = st.radio(
        "Model",
        options,
        key=key,
        persist_state="session",
        format_func=lambda each: f"**{plain(cards[each].title)}**" + (" · try this first" if each == front[0] else ""),
        captions=[cards[each].summary for each in options],
        label_visibility="collapsed",
    )
    st.query_params["model"] = chosen
    _others(ranked, options)
    _about(ranked[chosen], cards[chosen])
    for remark in recommendation.remarks(info, goals):
        st.info(remark, icon=":material/lightbulb:")
    return cards[chosen], ranked[chosen]


def _goals(followed: bool) -> recommendation.ModelGoals:
    """followed: whether the data are of individuals; their course is then what is asked for at first."""
    offered = [each for each in ASKED if followed or each != "individuals"]
    asked = st.pills(
        "What should the model tell you?",
        offered,
        selection_mode="multi",
        default=["individuals" if followed else "motion"],
        format_func=lambda each: ASKED[each],
        key="goals_individuals" if followed else "goals",
        persist_state="session",
        help="  \n".join(
            f"**{ASKED[each.name]}**: {each.help}."
            for each in recommendation.ModelGoals.settings()
            if each.name in offered
        ),
    )
    minutes = st.select_slider(
        "Time for one training",
        (1.0, 3.0, 10.0, 60.0, 600.0),
        10.0,
        format_func=lambda each: f"{each:g} min" if each < 60 else f"{each / 60:g} h",
        key="goal_minutes",
        persist_state="session",
    )
    return recommendation.ModelGoals(minutes=minutes, **{each: each in asked for each in ASKED})


@st.cache_data(show_spinner=False)
def _stored() -> list[dict[str, Any]]:
    return [dataclasses.asdict(each) for each in (*evidence(), *course_evidence())]


def _measured(info: DatasetInfo, cards: Mapping[str, Any]) -> list[Evidence]:
    """What the benchmark says of each model, and the finished runs on these data."""
    return [*(Evidence(**each) for each in _stored()), *measured_here(info, cards)]


def _others(ranked: Mapping[str, recommendation.Recommendation], shown: list[str]) -> None:
    """Every other model, in the order of the guide."""

    def take() -> None:
        picked = st.session_state["train_other"]
        if picked:
            st.session_state["train_model"] = picked
        st.session_state["train_other"] = None

    rest = [each for each in ranked if each not in shown]
    if rest:
        st.selectbox(
            "Other models",
            rest,
            index=None,
            key="train_other",
            format_func=lambda each: ranked[each].title + ("" if ranked[each].trainable else " (not possible here)"),
            placeholder=f"{len(rest)} more, best match first",
            on_change=take,
            label_visibility="collapsed",
        )


def _about(choice: recommendation.Recommendation, card: Any) -> None:
    """Why this model stands where it stands, and what it is."""
    marks = {
        "obstacles": ":red[:material/block:]",
        "pros": ":green[:material/add:]",
        "cons": ":orange[:material/remove:]",
    }
    lines = [f":material/straighten: {choice.measured}"]
    lines += [f"{marks[kind]} {each}" for kind in marks for each in getattr(choice, kind)]
    st.markdown("  \n".join(lines))
    with st.expander(f"About {plain(card.title)}", icon=":material/menu_book:"):
        st.write(card.summary)
        st.caption(f"Source: {card.paper}")
        if card.needs:
            st.caption(f"Needs: {'; '.join(card.needs)}")
        st.caption(f"Gives: {'; '.join(_given(card, each) for each in sorted(card.capabilities))}")
        st.caption(
            "The order: what fits the data first, then how many of your goals are left open, then the error at "
            "held-out times, as our benchmark and your own finished models measured it. A model measured on one "
            "benchmark data set only, or on none, comes after those measured on several."
        )


def _given(card: Any, capability: str) -> str:
    """What a capability shows, and the settings without which it is not there."""
    condition = card.condition(capability)
    return WORDS.get(capability, capability) + (f" ({condition})" if condition else "")
