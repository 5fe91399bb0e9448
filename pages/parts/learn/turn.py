"""One turn of a lesson: the picture, the prediction, and then the answer with its reason."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cellflow_core.figures import lessons as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.lessons.lesson import Lesson
from cellflow_core.lessons.tally import Tally
from pages.parts.learn import classroom
from pages.parts.widgets import background, chart, selectors, state

_TAKE = "cellflow_core.lessons.catalog:take"


def show(
    lesson: Lesson, setting: int, seed: int, picture: DeltaGenerator, words: DeltaGenerator, tally: Tally | None
) -> None:
    """The picture in one place of the page, the question and its answer in another."""
    name = name_of(lesson, setting, seed)
    turn: Any = background.result_of(
        background.cached_future(f"lesson-{name}", lambda: analysis_pool.call(_TAKE, lesson.name, setting, seed)),
        "Calculating",
    )
    given = _record().get(name)
    with picture:
        drawn = figures.lesson(turn.picture, answered=given is not None, dark=chart.dark())
        before = ", ".join(each.name for each in turn.picture.layers if not each.answer)
        alt = before if given is None else turn.words
        chart.chart(drawn, f"lesson_{lesson.name}", f"{lesson.title}: {alt}")
    with words:
        _question(lesson, setting, name, turn, given, tally)


def name_of(lesson: Lesson, setting: int, seed: int) -> str:
    """Of a turn, under which predictions are kept and votes counted."""
    return f"{lesson.name}/{setting}/{seed}"


def predicted(name: str) -> bool:
    """Whether this session has predicted the turn of this name."""
    return name in _record()


def score() -> tuple[int, int]:
    """(right predictions, predictions) of this session."""
    found = list(_record().values())
    return sum(right for _, right in found), len(found)


def _question(
    lesson: Lesson, setting: int, name: str, turn: Any, given: tuple[int, bool] | None, tally: Tally | None
) -> None:
    st.markdown(f"**{lesson.question.format(setting=lesson.settings[setting])}**")
    key = f"predict_{name}"
    choice = st.radio(
        "Your prediction",
        range(len(lesson.choices)),
        index=None if given is None else given[0],
        format_func=lesson.choices.__getitem__,
        disabled=given is not None,
        key=key,
    )
    if given is None:
        pressed = st.button("Predict and see", type="primary", disabled=choice is None, key=f"see_{name}")
        if pressed and choice is not None:
            _record()[name] = (choice, choice == turn.answer)
            if tally is not None:
                classroom.vote(tally, name, choice)
            st.rerun()
        return
    _, right = given
    message = "As you predicted." if right else f"It is otherwise: {lesson.choices[turn.answer]}."
    (st.success if right else st.info)(
        f"{message} {turn.words}", icon=":material/check:" if right else ":material/lightbulb:"
    )
    if tally is not None:
        classroom.results(tally, name, lesson.choices, turn.answer)
    page, words = lesson.page
    label, icon = selectors.VIEWS[f"{page}.py"]
    st.caption(f"{words}.")
    st.page_link(f"{page}.py", label=f"The same with my data: {label}", icon=icon, query_params=state.link(page))


def _record() -> dict[str, tuple[int, bool]]:
    """Turn -> (prediction, whether it was right), of this session."""
    return st.session_state.setdefault("predictions", {})
