"""What the whole server shares: the list of models, work under way, and how an answer is awaited."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, NoReturn

import streamlit as st

from cellflow_core.jobs import analysis_pool
from cellflow_core.jobs.error_messages import USER_FACING_ERRORS, user_message
from cellflow_core.progress import Stages
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.setting_names import in_page
from cellflow_core.workspace import current
from pages.parts.widgets import side

log = logging.getLogger(__name__)
WAITING = ":material/hourglass_empty: Waiting for other calculations to end"


@st.cache_resource(show_spinner="Reading the list of models")
def catalogue() -> dict[str, Any]:
    """The card of every model by name, read once per server by a worker (the page itself never loads torch)."""
    return {card.name: card for card in analysis_pool.call("cellflow_core.selection.model_cards:catalogue").result()}


@st.cache_resource(show_spinner=False)
def _running() -> dict[str, Future]:
    return {}


def shared(key: str, ask: Callable[[], Future]) -> Future:
    """The one future of a person under `key`: a second click, an F5 or a second tab finds the work under way.

    It is forgotten when `result_of` has read it, so that the next question is a new one.
    """
    held, key = _running(), _own(key)
    if key not in held:
        held[key] = ask()
    return held[key]


def _own(key: str) -> str:
    """The key among those of whoever asks: nobody finds the work of another person, whatever its name."""
    return f"{current().owner} {key}"


def umap(dataset_id: str) -> Future:
    """The UMAP of a data set, calculated once, without delaying what visitors wait for."""
    path = "cellflow_core.data.preprocessing.umap:add_umap"
    return shared(f"umap-{dataset_id}", lambda: analysis_pool.submit_low_priority(path, dataset_id))


@st.cache_resource(show_spinner=False)
def _kept() -> dict[str, Future]:
    return {}


def cached_future(key: str, ask: Callable[[], Future]) -> Future:
    """Like `shared`, for an answer that stays true while the server runs: it is asked once, and kept."""
    held, key = _kept(), _own(key)
    if key not in held:
        held[key] = ask()
    return held[key]


def pending(key: str) -> Future | None:
    """The future under this key whose answer nobody has read yet."""
    return _running().get(_own(key))


def forget(future: Future) -> None:
    """Its answer was read: who asks the same again asks anew."""
    for key in [key for key, each in _running().items() if each is future]:
        _running().pop(key, None)


def result_of(future: Future, text: str, stages: Stages | None = None) -> Any:
    """Wait for an answer under a spinner, with the stages it has passed. A failure becomes one sentence; the page ends.

    The wait gives way to a click: the answer is stored by its worker and is found at the next run of the page.
    """
    with st.spinner(text, show_time=True):
        shown = st.empty()
        while not wait([future], timeout=0.25).done:
            message = stages.read() if stages else ()
            shown.caption("  \n".join(_steps(message)) if future.running() else _waiting(future))
        shown.empty()
    forget(future)
    try:
        return future.result()
    except (*USER_FACING_ERRORS, OSError) as error:
        _give_up(error)
    except Exception as error:
        log.exception("%s: failed", text)
        _give_up(error)


def _give_up(error: BaseException) -> NoReturn:
    st.error(sentence(error), icon=":material/error:")
    side.stop()


def _waiting(future: Future) -> str:
    place = analysis_pool.place(future)
    return f"{WAITING} (number {place} in line)" if place else WAITING


def _steps(message: tuple[str, ...]) -> list[str]:
    """The stages as lines; of those that tell how far one thing is ("training: step 25"), the last."""
    last = {each.partition(": ")[0]: each for each in message}
    return [
        f":material/{'pending' if k == len(last) - 1 else 'check'}: {plain(each)}"
        for k, each in enumerate(last.values())
    ]


def sentence(error: BaseException) -> str:
    """What an exception says to a person, as Markdown: names of a user mean nothing in it, and options of the command
    line are named as the page names them."""
    message = user_message(error)
    if not isinstance(error, (*USER_FACING_ERRORS, OSError, MemoryError)):
        return f"This could not be calculated ({plain(message)}). The log has the details."
    return plain(as_sentence(in_page(message)))
