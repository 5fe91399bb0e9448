"""What the whole server shares: the pool that calculates, the supervisor that trains, and how an answer is awaited."""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import streamlit as st

from cellflow_core.jobs import compute, supervisor

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def start() -> None:
    """Once per server: the calculating processes start to load, and jobs that wait are taken up."""
    compute.warm()
    supervisor.ensure_supervisor()


@st.cache_resource(show_spinner="Reading the list of models")
def catalogue() -> dict[str, Any]:
    """The card of every model by name, read once per server by a worker (the page itself never loads torch)."""
    return {card.name: card for card in compute.call("cellflow_core.jobs.catalogue:catalogue").result()}


def result_of(future: Future, text: str) -> Any:
    """Wait for an answer under a spinner. What went wrong becomes one sentence, and the page ends there.

    The wait gives way to a click: the answer is stored by its worker and is found at the next run of the page.
    """
    with st.spinner(text, show_time=True):
        beat = st.empty()
        while not wait([future], timeout=0.25).done:
            beat.empty()
    try:
        return future.result()
    except Exception as error:
        log.exception("%s: failed", text)
        st.error(sentence(error), icon=":material/error:")
        st.stop()


def sentence(error: BaseException) -> str:
    """What an exception says to a person."""
    if isinstance(error, BrokenProcessPool):
        return (
            "The process that calculated this ended unexpectedly, most often because memory ran out. "
            "Try again with fewer cells or a smaller setting."
        )
    said = str(error.args[0]) if error.args else ""
    if said and isinstance(error, ValueError | KeyError | FloatingPointError | OSError):
        return str(error) if isinstance(error, OSError) else said[:1].upper() + said[1:]
    return (
        f"This could not be calculated ({type(error).__name__}{': ' + said if said else ''}). The log has the details."
    )
