"""What the whole server shares: the pool that calculates, the supervisor that trains, and how an answer is awaited."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import streamlit as st

from cellflow_core.jobs import compute, supervisor
from cellflow_core.jobs.stages import Stages

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


@st.cache_resource(show_spinner=False)
def _under_way() -> dict[str, Future]:
    return {}


def shared(key: str, ask: Callable[[], Future]) -> Future:
    """The one future of this server under `key`: a second click, an F5 or a second tab finds the work under way.

    It is forgotten once it has ended, so that the next question is a new one.
    """
    held = _under_way()
    if key not in held:
        held[key] = ask()
    future = held[key]
    future.add_done_callback(lambda ended: held.pop(key, None) if held.get(key) is ended else None)
    return future


def under_way(key: str) -> bool:
    """Is there work under this key that has not ended?"""
    return key in _under_way()


def result_of(future: Future, text: str, stages: Stages | None = None) -> Any:
    """Wait for an answer under a spinner, with the stages it has passed. A failure becomes one sentence; the page ends.

    The wait gives way to a click: the answer is stored by its worker and is found at the next run of the page.
    """
    with st.spinner(text, show_time=True):
        shown = st.empty()
        while not wait([future], timeout=0.25).done:
            shown.caption("  \n".join(_steps(stages.read() if stages else ())))
        shown.empty()
    try:
        return future.result()
    except Exception as error:
        log.exception("%s: failed", text)
        st.error(sentence(error), icon=":material/error:")
        st.stop()


def _steps(said: tuple[str, ...]) -> list[str]:
    return [f":material/{'pending' if k == len(said) - 1 else 'check'}: {each}" for k, each in enumerate(said)]


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
