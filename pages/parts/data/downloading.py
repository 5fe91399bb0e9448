"""A running download: how far it is, and how to stop it. It goes on without the page and is found again by its id."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.download import downloads
from cellflow_core.data.importing import uploads
from cellflow_core.jobs import sandbox
from cellflow_core.reporting.formatting import plain
from pages.parts.widgets import progress_bar
from pages.parts.widgets.background import forget, pending, sentence, shared


def begin(id: str) -> None:
    """Put the id of an expected file into the link, where `watch` finds it."""
    st.query_params.clear()
    st.query_params["upload"] = id
    st.rerun()


def watch(id: str) -> None:
    """Return at once where the file is there, or is none of a download; else show it coming and end the page here."""
    key = f"download-{id}"
    try:
        reported = downloads.expected(id)
    except KeyError:
        return
    begun = pending(key)
    if reported is None:
        if begun is not None:
            forget(begun)
        return
    future = shared(
        key,
        lambda: sandbox.run_isolated(
            "cellflow_core.data.download.public:download", id, on_progress=uploads.stages(id), io_bound=True
        ),
    )
    st.header(f"Fetching {plain(reported.name or reported.url.rsplit('/', 1)[-1])}", anchor=False)
    st.caption(f"From `{reported.url.replace('`', '%60')}`")

    if not future.done():
        progress_bar.wait_for(future, key=f"download_{id}", label="Download", stages=uploads.stages(id))
        st.caption("You may leave this page: the link above brings you back to it.")
        if st.button("Cancel", key="download_cancel", icon=":material/stop_circle:"):
            _leave(id)
    elif failed := future.exception():
        st.error(sentence(failed), icon=":material/cloud_off:")
        with st.container(horizontal=True):
            if st.button("Try again", key="download_again", type="primary", icon=":material/refresh:"):
                forget(future)
                uploads.stages(id).clear()
                st.rerun()
            if st.button("Choose another file", key="download_leave", icon=":material/close:"):
                _leave(id)
    else:
        st.rerun()
    st.stop()


def _leave(id: str) -> None:
    uploads.discard(id)
    st.query_params.clear()
    st.rerun()
