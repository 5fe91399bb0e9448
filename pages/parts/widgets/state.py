"""What the pages look at, in one place: trained model, data set, embedding, time, gene, cell, selected cells, camera.

The session keeps it from page to page, and the link of a page holds what that page uses. `enter` makes both the same
when a page begins, the link first; from then on every change goes to both. Widgets only show what stands here.

Of two views side by side, the right one shows what the left one shows where it has nothing of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from cellflow_core.math.polygon import format_polygon, parse_polygon
from cellflow_core.runs import index
from pages.parts.widgets import page_link, side
from pages.parts.widgets.page_link import BESIDE, NAMES, TOUR, USED
from pages.parts.widgets.side import RIGHT, is_right, key, on_right

Polygon = tuple[tuple[float, float], ...]

OF_DATA = ("time", "cell", "outline")
"""What means something in one data set only."""
_PAGE = "page_shown"
_LOOKS = "looks"


def beside(page: str) -> str | None:
    """The page that stands on the right of this one, None where there is none."""
    held = next(iter(st.session_state.get(_key(BESIDE), ())), None)
    return held if "run" in USED.get(page, ()) and "run" in USED.get(held or "", ()) else None


def place_beside(page: str | None) -> None:
    """Let a page stand on the right of the one that is open; None: nothing, and what was chosen there is forgotten."""
    page_link.note()
    if page is not None:
        st.session_state[_key(BESIDE)] = (page,)
        st.query_params[BESIDE] = page
        return
    for name in (BESIDE, *(each + RIGHT for each in NAMES)):
        st.query_params.pop(name, None)
        st.session_state.pop(_key(name), None)


def enter(page: str) -> None:
    """Make link and session the same for what this page uses. Called once in a run, before the page.

    A page that was there before (a click, F5, the back button) has its whole state in the link; one that is reached
    from another page takes from the session what its link leaves open. Where the same page stood on both sides, it does
    so again.
    """
    before = st.session_state.get(_PAGE)
    stayed = before == page
    st.session_state[_PAGE] = page
    if page_link.is_late(stayed):
        restore(choices())
    if BESIDE in st.query_params:
        st.session_state[_key(BESIDE)] = (st.query_params[BESIDE],)
    elif beside(page) and stayed:
        place_beside(None)
    elif beside(page):
        place_beside(page if beside(page) == before else beside(page))
    right = beside(page)
    if right is None:
        st.query_params.pop(BESIDE, None)
    kept = {*USED.get(page, ()), *(name + RIGHT for name in USED.get(right or "", ()))}
    for name in list(st.query_params):
        if name.removesuffix(RIGHT) in NAMES and name not in kept:
            del st.query_params[name]
    _enter(page, stayed)
    if right:
        with on_right():
            _enter(right, stayed)
    if not stayed:
        side.begin()
        st.session_state["arrivals"] = arrivals() + 1
    page_link.entered()


def _enter(page: str, stayed: bool) -> None:
    """Link and session of one side."""
    names = USED.get(page, ())
    linked = {name: st.query_params.get_all(key(name)) for name in names if key(name) in st.query_params}
    if "run" in linked:
        _move_to(dataset_of(linked["run"][-1]), keep=linked)
    elif "dataset" in linked:
        _move_to(linked["dataset"][-1], keep=linked)
    for name in (each for each in names if _own(each) == key(each)):
        if name in linked:
            st.session_state[_key(key(name))] = tuple(linked[name])
        elif stayed:
            st.session_state.pop(_key(key(name)), None)
        elif held := st.session_state.get(_key(key(name))):
            st.query_params[key(name)] = list(held)


def remember(page: str) -> None:
    """Keep how a page about a run is looked at (colouring, style, tab: what its widgets wrote into the link), so that
    it is found again when the page is come back to. Called once in a run, after the page."""
    if "run" in USED.get(page, ()):
        looks = st.session_state.setdefault(_LOOKS, {})
        own = [name for name in st.query_params if name.removesuffix(RIGHT) not in NAMES | {BESIDE, TOUR}]
        looks[page] = {name: st.query_params.get_all(name) for name in own}
    page_link.ended()


def page() -> str:
    """The page that is open."""
    return st.session_state.get(_PAGE, "")


def arrivals() -> int:
    """How many pages this session has gone to: what a page shows first is settled once for each of them."""
    return st.session_state.get("arrivals", 0)


def values(name: str) -> tuple[str, ...]:
    """What is chosen, several where there may be several (genes); () where nothing is."""
    own = st.session_state.get(_key(_own(name)), ())
    if own or (name in ("run", *OF_DATA) and _of_other_data()):
        return own
    return st.session_state.get(_key(name), ())


def value(name: str) -> str | None:
    """What is chosen last under this name."""
    return next(reversed(values(name)), None)


def choose(name: str, *chosen: str) -> None:
    """Set what is chosen, in the session and in the link of a page that uses it; nothing chosen: forget it.

    Another data set, or a run of one, forgets what belonged to the data set before. On the right, what is the same as
    on the left follows it from then on.
    """
    if chosen == values(name):
        return
    if name == "dataset" and chosen:
        _move_to(chosen[-1])
        return
    _store(name, chosen)
    if name == "run" and chosen:
        _move_to(dataset_of(chosen[-1]))


def _store(name: str, chosen: tuple[str, ...]) -> None:
    own = _own(name)
    if name != "camera":
        page_link.note()
    if not chosen or (own != name and chosen == st.session_state.get(_key(name))):
        st.session_state.pop(_key(own), None)
        st.query_params.pop(own, None)
        return
    st.session_state[_key(own)] = chosen
    if name in _used():
        st.query_params[own] = list(chosen)


def share(name: str) -> bool:
    """Do both of two views show the same under this name?"""
    here = values(name)
    with on_right():
        return values(name) == here


def _own(name: str) -> str:
    """Under which name this side has it: both have one camera, and of the same data one selection."""
    shared = name == "camera" or (name in ("cell", "outline") and not _of_other_data())
    return name if shared else key(name)


def _of_other_data() -> bool:
    """Does the right one of two views show another data set than the left one?"""
    left, right = (st.session_state.get(_key(f"dataset{each}")) for each in ("", RIGHT))
    return is_right() and right not in (None, left)


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


def link(to: str) -> dict[str, str | list[str]]:
    """Query parameters with which another page shows what is chosen now, looked at as it was last."""
    looks = st.session_state.get(_LOOKS, {}).get(to, {})
    found = {name: list(values(name)) for name in USED.get(to, ()) if values(name)}
    right = beside(to) if not is_right() else None
    if right is None:
        return {name: each for name, each in looks.items() if not name.endswith(RIGHT)} | found
    right = to if right == page() else right
    with on_right():
        own = [key(name) for name in USED[right] if _own(name) == key(name)]
    held = {name: list(st.session_state[_key(name)]) for name in own if _key(name) in st.session_state}
    return looks | found | {BESIDE: right} | held


def dataset_of(run: str) -> str | None:
    """The data set of a run, also of one in the trash; None where there is no such run."""
    try:
        return index.open_run(run).recipe.dataset
    except KeyError:
        return next((each.recipe.dataset for each in index.deleted() if each.id == run), None)


def choices() -> dict[str, tuple[str, ...]]:
    """All that is chosen on the open page, but for the camera, which the browser keeps: name in the link -> values."""
    names = ["dataset", *USED.get(page(), ())]
    right = beside(page())
    names += [name + RIGHT for name in ("dataset", *USED[right])] if right else []
    return {name: st.session_state.get(_key(name), ()) for name in (BESIDE, *names) if name != "camera"}


def restore(held: Mapping[str, tuple[str, ...]]) -> None:
    """Choose again what `choices` told."""
    page_link.note()
    for name in {*held, *choices()}:
        chosen = held.get(name, ())
        in_link = list(chosen) if name == BESIDE or name.removesuffix(RIGHT) in NAMES else []
        st.session_state[_key(name)] = chosen
        if not chosen:
            del st.session_state[_key(name)]
        if not in_link:
            st.query_params.pop(name, None)
        elif st.query_params.get_all(name) != in_link:
            st.query_params[name] = in_link


def _move_to(dataset: str | None, keep: Iterable[str] = ()) -> None:
    """The data set is this one from now on: what belonged to another one is forgotten, but for the names in `keep`."""
    before = values("dataset")
    if dataset is None or before == (dataset,):
        return
    _store("dataset", (dataset,))
    run = value("run")
    if run is not None and dataset_of(run) != dataset and "run" not in keep:
        choose("run")
    if before:
        if not is_right():
            st.session_state.pop(_LOOKS, None)
        for name in set(OF_DATA) - set(keep):
            choose(name)


def _used() -> tuple[str, ...]:
    """What the link holds of the page on this side."""
    return USED.get((beside(page()) if is_right() else page()) or "", ())


def _key(name: str) -> str:
    return f"chosen_{name}"
