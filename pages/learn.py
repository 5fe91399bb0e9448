"""What can cells tell? Lessons whose answer is predicted before it is shown."""

import streamlit as st

from cellflow_core.lessons.catalog import LESSONS
from pages.parts.learn import classroom, turn
from pages.parts.training import tour
from pages.parts.views import view
from pages.parts.widgets import sides

sides.heading("Learn", "What can snapshots of cells tell, what do models assume, and where do pictures mislead?")
tally = classroom.joined()
titles = {name: f"{k + 1} {each.title}" for k, (name, each) in enumerate(LESSONS.items())}
lesson = LESSONS[view.options("Lesson", "lesson", titles, label_visibility="collapsed")]
st.markdown(f"## {lesson.sentence}")
picture, words = st.columns([3, 2], gap="large")
with words:
    chosen = view.options(lesson.control, f"set_{lesson.name}", {each: each for each in lesson.settings})
    setting = lesson.settings.index(chosen)
    question = st.container()
    other = "The same with other cells."
    draw = int(st.number_input("Draw", 0, 99, 0, key="draw", bind="query-params", width=120, help=other))
turn.show(lesson, setting, draw, picture, question, tally)
name = turn.name_of(lesson, setting, draw)
if tally is not None and st.session_state.get("projector") and not turn.predicted(name):
    classroom.results(tally, name, lesson.choices, None)
right, predictions = turn.score()
if predictions:
    st.caption(f"{right} of {predictions} predictions were right so far.")
classroom.controls(tally)
st.header("Then: a tour on the demo")
st.caption("The same questions on simulated cells whose truth is known, with a trained model.")
tour.offer("learn_tour")
