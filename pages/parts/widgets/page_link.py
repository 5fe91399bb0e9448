"""What the link of a page holds, and whether the link that comes with a run is older than the last choice.

The browser sends the link as it has it with every choice, and may not have heard yet what the choice before made of it:
taken at its word, it would undo that choice. An older link without a choice is the back button, and is meant.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts.widgets import side
from pages.parts.widgets.side import RIGHT

USED: Mapping[str, tuple[str, ...]] = {
    "data": ("dataset", "view", "gene", "outline"),
    "train": ("dataset",),
    "compare": ("dataset",),
    "landscape": ("run", "view", "time", "gene", "outline", "camera"),
    "flow": ("run", "view", "time", "gene", "outline"),
    "velocity": ("run", "view", "gene", "outline"),
    "time": ("run", "view", "time", "gene", "outline"),
    "fates": ("run", "view", "cell", "outline"),
    "genes": ("run", "gene", "dots"),
    "perturb": ("dataset", "run", "view", "gene", "screened", "outline"),
    "courses": ("dataset", "run"),
}
"""Page -> what its link holds."""
NAMES = {name for each in USED.values() for name in each}
BESIDE = "beside_it"
"""The page that stands on the right, in the link."""
TOUR = "tour"
"""The step of the tour on the demo, in the link."""
_CAME = "link_that_came"
_KNOWN = "links_known"
_SEEN = "widgets_seen"


def note() -> None:
    """Something is chosen: called before the link is changed for it, and by widgets that change no link."""
    st.session_state.setdefault(_CAME, _link())


def is_late(stayed: bool) -> bool:
    """Has the browser sent a choice on the page that is open with a link from before the last choice? Then the session
    holds what is chosen. Called once in a run, before anything is taken from the link."""
    came = st.session_state.pop(_CAME, None)
    chosen = came is not None or side.linked() != st.session_state.get(_SEEN)
    came = _link() if came is None else came
    known = st.session_state.get(_KNOWN, [{}])
    if stayed and chosen and came in known and came != known[-1]:
        return True
    st.session_state[_KNOWN] = [came]
    return False


def entered() -> None:
    """The link holds what the session holds, and the browser will hear of it."""
    st.session_state.pop(_CAME, None)
    st.session_state[_KNOWN].append(_link())


def ended() -> None:
    """A run came to its end: what it chose by itself was no choice of the visitor."""
    st.session_state.pop(_CAME, None)
    st.session_state[_SEEN] = side.linked()


def _link() -> dict[str, list[str]]:
    """What is chosen by the link, but for the camera, which the browser keeps."""
    names = (name for name in st.query_params if name == BESIDE or name.removesuffix(RIGHT) in NAMES - {"camera"})
    return {name: st.query_params.get_all(name) for name in names}
