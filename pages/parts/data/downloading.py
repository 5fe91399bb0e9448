"""A download on its way: how far it is, and the way out. It goes on without the page and is found again by its id."""

from __future__ import annotations

import re

import streamlit as st

from cellflow_core.data.download import downloads
from cellflow_core.data.importing import uploads
from cellflow_core.jobs import sandbox
from cellflow_core.reporting.formatting import plain
from pages.parts.widgets.background import forget, pending, sentence, shared

EVERY = 0.5  # seconds between two looks


def begin(id: str) -> None:
    """Put the id of an expected file into the link, where `watch` finds it."""
    st.query_params.clear()
    st.query_params["upload"] = id
    st.rerun()


def watch(id: str) -> None:
    """Return at once where the file is there, or is none of a download; else show it coming and end the page here."""
    key = f"download-{id}"
    try:
        told = downloads.expected(id)
    except KeyError:
        return
    begun = pending(key)
    if told is None:
        if begun is not None:
            forget(begun)
        return
    future = shared(
        key,
        lambda: sandbox.run_isolated(
            "cellflow_core.data.download.public:bring", id, on_progress=uploads.stages(id), io_bound=True
        ),
    )
    st.subheader(f"Fetching {plain(told.name or told.url.rsplit('/', 1)[-1])}", anchor=False)
    st.caption(f"From `{told.url.replace('`', '%60')}`")

    @st.fragment(run_every=None if future.done() else EVERY)
    def live() -> None:
        if not future.done():
            said = (uploads.stages(id).read() or ("asking for the file",))[-1]
            st.progress(share(said), text=said[:1].upper() + said[1:])
            st.caption("You may leave this page: the link above brings you back to it.")
            if st.button("Cancel", key="download_cancel", icon=":material/stop_circle:"):
                _leave(id)
        elif failed := future.exception():
            st.error(plain(sentence(failed)), icon=":material/cloud_off:")
            with st.container(horizontal=True):
                if st.button("Try again", key="download_again", type="primary", icon=":material/refresh:"):
                    forget(future)
                    uploads.stages(id).clear()
                    st.rerun()
                if st.button("Choose another file", key="download_leave", icon=":material/close:"):
                    _leave(id)
        else:
            st.rerun()

    live()
    st.stop()


def share(said: str) -> float:
    """Part of the file that is there, out of "12.3 of 1,080.0 MB"; 0 where the size is not known."""
    found = re.fullmatch(r"([\d,.]+) of ([\d,.]+) MB", said)
    if found is None:
        return 0.0
    here, whole = (float(each.replace(",", "")) for each in found.groups())
    return min(here / whole, 1.0) if whole else 0.0


def _leave(id: str) -> None:
    uploads.discard(id)
    st.query_params.clear()
    st.rerun(scope="app")
