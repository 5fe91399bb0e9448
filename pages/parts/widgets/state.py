"""What the pages look at, in one place: trained model, data set, embedding, time, gene, cell, selected cells, camera.

The session keeps it from page to page, and the link of a page holds what that page uses. `enter` makes both the same
when a page begins, the link first; from then on every change goes to both. Widgets only show what stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from cellflow_core.math.polygon import format_polygon, parse_polygon
from cellflow_core.runs import index

Polygon = tuple[tuple[float, float], ...]

OF_DATA = ("time", "cell", "outline")
"""What means something in one data set only."""
USED: Mapping[str, tuple[str, ...]] = {
    "data": ("dataset", "view", "gene", "outline"),
    "train": ("dataset",),
    "compare": ("dataset",),
    "landscape": ("run", "view", "time", "outline", "camera"),
    "flow": ("run", "view", "time", "gene", "outline"),
    "velocity": ("run", "view", "gene"),
    "time": ("run", "view", "time", "gene"),
    "fates": ("run", "view", "cell", "outline"),
    "genes": ("run", "gene"),
    "perturb": ("dataset", "run", "view", "gene", "outline"),
    "courses": ("dataset", "run"),
}
"""Page -> what its link holds."""
NAMES = {name for each in USED.values() for name in each}
_PAGE = "page_shown"
_LOOKS = "looks"


def enter(page: str) -> None:
    """Make link and session the same for what this page uses. Called once in a run, before the page.

    A page that was there before (a click, F5, the back button) has its whole state in the link; one that is reached
    from another page takes from the session what its link leaves open.
    """
    stayed = st.session_state.get(_PAGE) == page
    st.session_state[_PAGE] = page
    for name in NAMES - set(USED.get(page, ())):
        if name in st.query_params:
            del st.query_params[name]
    linked = {name: st.query_params.get_all(name) for name in USED.get(page, ()) if name in st.query_params}
    if "run" in linked:
        _move_to(dataset_of(linked["run"][-1]), keep=linked)
    elif "dataset" in linked:
        _move_to(linked["dataset"][-1], keep=linked)
    for name in USED.get(page, ()):
        if name in linked:
            st.session_state[_key(name)] = tuple(linked[name])
        elif stayed:
            st.session_state.pop(_key(name), None)
        elif values(name):
            st.query_params[name] = list(values(name))
    if not stayed:
        st.session_state["arrivals"] = arrivals() + 1


def remember(page: str) -> None:
    """Keep how a page about a run is looked at (colouring, style, tab: what its widgets wrote into the link), so that
    it is found again when the page is come back to. Called once in a run, after the page."""
    if "run" in USED.get(page, ()):
        looks = st.session_state.setdefault(_LOOKS, {})
        looks[page] = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}


def arrivals() -> int:
    """How many pages this session has gone to: what a page shows first is settled once for each of them."""
    return st.session_state.get("arrivals", 0)


def values(name: str) -> tuple[str, ...]:
    """What is chosen, several where there may be several (genes); () where nothing is."""
    return st.session_state.get(_key(name), ())


def value(name: str) -> str | None:
    """What is chosen last under this name."""
    return next(reversed(values(name)), None)


def choose(name: str, *chosen: str) -> None:
    """Set what is chosen, in the session and in the link of a page that uses it; nothing chosen: forget it.

    Another data set, or a run of one, forgets what belonged to the data set before.
    """
    if chosen == values(name):
        return
    if not chosen:
        st.session_state.pop(_key(name), None)
        if name in st.query_params:
            del st.query_params[name]
        return
    if name == "dataset":
        _move_to(chosen[-1])
        return
    st.session_state[_key(name)] = chosen
    if name in _used():
        st.query_params[name] = list(chosen)
    if name == "run":
        _move_to(dataset_of(chosen[-1]))


def outline(view: str) -> Polygon:
    """The outline around the selected cells, in the coordinates of a view; () where none is drawn on this view."""
    drawn_on, _, corners = (value("outline") or "").partition(" ")
    if drawn_on != view:
        return ()
    try:
        return tuple((x, y) for x, y in parse_polygon(corners).tolist())
    except ValueError:  # a damaged link selects no cells, and the page says that none are selected
        return ()


def choose_outline(view: str, polygon: Polygon) -> None:
    """Select the cells inside an outline on this view; () selects none."""
    if polygon:
        choose("outline", f"{view} {format_polygon(polygon)}")
    else:
        choose("outline")


def link(page: str) -> dict[str, str | list[str]]:
    """Query parameters with which another page shows what is chosen now, looked at as it was last."""
    looks = st.session_state.get(_LOOKS, {}).get(page, {})
    return looks | {name: list(values(name)) for name in USED.get(page, ()) if values(name)}


def dataset_of(run: str) -> str | None:
    """The data set of a run, also of one in the trash; None where there is no such run."""
    try:
        return index.open_run(run).recipe.dataset
    except KeyError:
        return next((each.recipe.dataset for each in index.deleted() if each.id == run), None)


def _move_to(dataset: str | None, keep: Iterable[str] = ()) -> None:
    """The data set is this one from now on: what belonged to another one is forgotten, but for the names in `keep`."""
    before = st.session_state.get(_key("dataset"), ())
    if dataset is None or before == (dataset,):
        return
    st.session_state[_key("dataset")] = (dataset,)
    if "dataset" in _used():
        st.query_params["dataset"] = dataset
    run = value("run")
    if run is not None and dataset_of(run) != dataset and "run" not in keep:
        choose("run")
    if before:
        st.session_state.pop(_LOOKS, None)
        for name in set(OF_DATA) - set(keep):
            choose(name)


def _used() -> tuple[str, ...]:
    return USED.get(st.session_state.get(_PAGE, ""), ())


def _key(name: str) -> str:
    return f"chosen_{name}"
