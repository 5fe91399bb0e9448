"""With whom a data set or run is shared, a link to it, and copies of what others shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from cellflow_core.jobs.people import sharing
from cellflow_core.jobs.people.sharing import Kind
from cellflow_core.reporting.formatting import plain
from cellflow_core.workspace import Access, Right, current
from pages.parts.server import urls
from pages.parts.widgets import state
from pages.parts.widgets.background import sentence

WORDS: Mapping[Kind, str] = {"dataset": "data set", "run": "run"}
RIGHTS: Mapping[Right, str] = {"": "No", "read": "Look", "copy": "Look and copy"}
PAGES: Mapping[Kind, str] = {"dataset": "data", "run": "landscape"}
MEANING = (
    "**Look**: open every view of it. **Look and copy**: also train on it, derive from it, and download it whole. "
    "Nobody but you can change or delete it."
)


def owned(kind: Kind, id: str) -> bool:
    """Whether the visitor may rename, share and delete it."""
    return sharing.access(kind, id)[0] == "own"


def may_copy(kind: Kind, id: str) -> bool:
    """Whether the visitor may take it elsewhere."""
    return sharing.access(kind, id)[0] in ("copy", "own")


def take_link() -> None:
    """Where the visitor came by a link that was shared, what it leads to opens from now on. Called before the page."""
    key = st.query_params.get("share")
    if key is None:
        return
    del st.query_params["share"]
    kind: Kind = "run" if "run" in st.query_params else "dataset"
    if not current().owner:
        return
    try:
        sharing.accept(kind, st.query_params.get(kind, ""), key)
    except (KeyError, ValueError) as error:
        st.error(sentence(error), icon=":material/link_off:")
    else:
        st.toast(f"This {WORDS[kind]} was shared with you; it is in your lists now.", icon=":material/link:")


def show(kind: Kind, id: str) -> None:
    """Who may open it, for its owner; for others whose it is, and a copy of their own."""
    if not current().owner:
        return
    if owned(kind, id):
        _with_others(kind, id)
    else:
        _of_others(kind, id)


def _with_others(kind: Kind, id: str) -> None:
    access = sharing.access(kind, id)[1]
    if not access.owner:
        return
    shared = bool(access.everyone or access.by_link)
    icon, chosen_here = ":material/group:" if shared else ":material/share:", st.session_state.get("share_chosen") == id
    with st.expander("Shared" if shared else "Share", chosen_here, icon=icon):
        st.caption(MEANING)
        _right("Everyone on this server", kind, id, "everyone", access)
        _right("Whoever has the link", kind, id, "by_link", access)
        if kind == "run":
            st.caption(
                "Whoever may see a run may see its cells: its data set is shared for looking with it, and stays so "
                "until that is taken back on its page."
            )
        if problem := st.session_state.pop("share_problem", ""):
            st.error(problem)
        if access.by_link:
            st.code(f"{urls.origin()}/{PAGES[kind]}?{kind}={id}&share={access.key}", language=None, wrap_lines=True)
            st.caption("Who opens this link keeps it until you choose “No”; then it leads nowhere, and so for good.")


def _right(name: str, kind: Kind, id: str, whose: str, access: Access) -> None:
    """A choice that shows what is stored, whatever another tab has chosen meanwhile; only a click changes it."""
    key = f"share_{whose}_{id}"
    st.session_state[key] = RIGHTS[getattr(access, whose)]
    st.segmented_control(name, list(RIGHTS.values()), required=True, key=key, on_change=_share, args=(kind, id, whose))


def _share(kind: Kind, id: str, whose: str) -> None:
    chosen = next(right for right, word in RIGHTS.items() if word == st.session_state[f"share_{whose}_{id}"])
    st.session_state["share_chosen"] = id
    try:
        access = sharing.access(kind, id)[1]
        wanted = replace(access, **{whose: chosen})
        sharing.share(kind, id, wanted.everyone, wanted.by_link)
    except (KeyError, ValueError) as error:
        st.session_state["share_problem"] = sentence(error)


def _of_others(kind: Kind, id: str) -> None:
    whose = sharing.shared_by(kind, id)
    can_copy = may_copy(kind, id)
    whom = f"Shared by {plain(whose)}" if whose else "Belongs to nobody, and is everyone's to look at"
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"of_others_{kind}_{id}"):
        st.markdown(f":material/group: {whom}{'' if can_copy or not whose else ', for looking only'}.")
        if can_copy and st.button("Make a copy of my own", key=f"copy_{kind}_{id}", icon=":material/content_copy:"):
            try:
                made = sharing.copy(kind, id)
            except (KeyError, ValueError) as error:
                st.error(sentence(error))
                return
            state.choose(kind, made)
            st.toast("The copy belongs to you.", icon=":material/content_copy:")
            st.rerun()
