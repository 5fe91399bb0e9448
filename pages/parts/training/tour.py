"""A guided tour on the demo: page after page, what to look at and what it cannot tell; its step is in the link."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from pages.parts.server import urls
from pages.parts.training import demo
from pages.parts.widgets import page_link, progress_bar


class Step(NamedTuple):
    """A page of the tour."""

    page: str
    look: str
    limit: str

    @property
    def title(self) -> str:
        """Its name in the navigation."""
        return self.page.capitalize()


STEPS = (
    Step(
        "data",
        "Each point is a cell and its colour the time at which it was measured; at the last one there are two groups.",
        "No cell was followed: which early cell becomes which late one is left to a model.",
    ),
    Step(
        "runs",
        "A small network learns how fast cells move in every state at every time; its loss falls and levels off.",
        "A low loss says that the network fits its task, not that cells took these paths.",
    ),
    Step(
        "landscape",
        "Cells roll into wells, which are named by the cells in them; press Roll, or click the surface.",
        "Height says where cells gather and is no energy; motion in circles shows on no surface.",
    ),
    Step(
        "flow",
        "Lines follow the cells, and are faint where few cells are behind them; move the time.",
        "A map of two axes hides motion along all others.",
    ),
    Step(
        "time",
        "Predicted cells lie beside measured ones, and their distance beside what no model and the noise would give.",
        "A small distance says that the cells as a whole are right, not that each cell took its path.",
    ),
    Step(
        "fates",
        "The headline says which share of the first cells ends in which state; under One cell, follow one many times.",
        "Another model may give other shares: choose one under Beside it.",
    ),
    Step(
        "genes",
        "Choose a gene and see in which cells it is high, and how it changes.",
        "A gene that rises with a fate need not cause it.",
    ),
    Step(
        "perturb",
        "The same cells with and without a gene, beside the same change to other genes.",
        "The model has seen no knock-out: what it shows is a hypothesis for an experiment.",
    ),
    Step(
        "compare",
        "Each model at a time that it was not trained on, beside baselines that learn nothing.",
        "The order holds for these cells, and may be another one on yours.",
    ),
)


def offer(key: str) -> None:
    """A button that begins the tour; where the demo is not trained yet, its training begins too."""
    words = "Nine pages, a sentence each. Where the demo is not trained yet, that takes about a minute meanwhile."
    if st.button("Take the tour", key=key, icon=":material/tour:", help=words):
        demo.prepare()
        _go(0)


def show(page: str) -> None:
    """The step above the page that is open, and the way on. Called once in a run, before the page."""
    step = _step()
    if step is None:
        return
    if page_link.TOUR not in st.query_params:
        st.query_params[page_link.TOUR] = str(step + 1)
    here = STEPS[step]
    with st.container(border=True, key="tour", gap="xsmall"):
        head = st.container(horizontal=True, vertical_alignment="center")
        head.markdown(f"**Tour, {step + 1} of {len(STEPS)}: {here.title}**", width="content")
        if page == here.page:
            st.markdown(f"{here.look} :gray[What it cannot tell: {here.limit}]")
        trained = _wait() if here.page == "runs" else True
        with head:
            _buttons(step, page == here.page, trained)


def _buttons(step: int, here: bool, trained: bool) -> None:
    if not here and st.button("Go on with the tour", key="tour_on", type="primary"):
        _go(step)
    if here and step and st.button("Back", key="tour_back", icon=":material/arrow_back:"):
        _go(step - 1)
    last = step == len(STEPS) - 1
    if here and not last:
        words = f"Next: {STEPS[step + 1].title}"
        if st.button(words, key="tour_next", type="primary", icon=":material/arrow_forward:", disabled=not trained):
            _go(step + 1)
    st.button("End of the tour" if last else "Leave", key="tour_leave", type="tertiary", on_click=_leave)


def _wait() -> bool:
    """Whether the model of the demo is trained; its progress where it is not, after which the page runs once more."""
    run = demo.run_of_demo()
    if run is None and (waiting := demo.waiting_run()) is not None:
        st.caption("It takes about a minute; what follows needs it.")
        progress_bar.watch(urls.run_progress(waiting.id), key="tour_progress", label=waiting.label)
    elif run is None and st.button("Train the demo", key="tour_train", icon=":material/model_training:"):
        demo.prepare()
        st.rerun()
    return run is not None


def _step() -> int | None:
    """Where the tour is: from the link, else from the page before; None where there is none."""
    words = st.query_params.get(page_link.TOUR, st.session_state.get(page_link.TOUR, ""))
    step = int(words) - 1 if words.isdecimal() and 0 < int(words) <= len(STEPS) else None
    if step is None:
        _leave()
    else:
        st.session_state[page_link.TOUR] = words
    return step


def _go(step: int) -> None:
    st.session_state[page_link.TOUR] = str(step + 1)
    page, run = STEPS[step].page, demo.run_of_demo()
    used = page_link.USED.get(page, ())
    held = {"dataset": demo.DATASET} if "dataset" in used else {}
    held |= {"run": run.id} if run and "run" in used else {}
    st.switch_page(f"{page}.py", query_params=held | {page_link.TOUR: str(step + 1)})


def _leave() -> None:
    st.session_state.pop(page_link.TOUR, None)
    st.query_params.pop(page_link.TOUR, None)
