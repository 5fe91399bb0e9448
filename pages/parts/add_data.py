"""The two ways to data: a demo that this project makes, or a file."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data import demos, sources, store
from cellflow_core.home import home
from cellflow_core.jobs import compute
from cellflow_core.stages import Stages
from pages.parts.state import result_of, shared
from pages.parts.words import plain

LIMIT_MB = int(st.get_option("server.maxUploadSize"))


def show() -> None:
    """Demos beside the upload."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Open a demo")
        _demos()
    with right:
        st.subheader("Bring your own file")
        _upload()


def make_demo(name: str, label: str) -> str:
    """Make a demo in the worker, with its stages, and return the id of its data set."""
    say = Stages(home() / "uploads" / f"demo-{name}.txt")
    future = shared(f"demo-{name}", lambda: compute.call("cellflow_core.data.demos:make", name, say=say))
    made = result_of(future, f"Making “{plain(label)}”", say)
    say.clear()
    return made


def _demos() -> None:
    there = {each.id for each in store.datasets()}
    for demo in demos.DEMOS:
        with st.container(border=True, key=f"demo_{demo.name}"):
            st.markdown(f"**{demo.label}**")
            st.caption(demo.summary)
            ready = f"demo-{demo.name}" in there
            if st.button("Show" if ready else "Open", key=f"open_demo_{demo.name}", icon=":material/play_arrow:"):
                st.query_params["dataset"] = make_demo(demo.name, demo.label)
                st.rerun()


def _upload() -> None:
    st.markdown(
        f"**.h5ad** (AnnData), or a **.csv / .tsv** table with one cell a row. At most **{LIMIT_MB} MB**. "
        "The file needs a column that says when each cell was measured, with at least two times."
    )
    count = st.session_state.setdefault("uploads", 0)
    with st.container(key="upload"):
        file = st.file_uploader(
            "Choose a file", type=list(sources.KINDS), key=f"upload_{count}", max_upload_size=LIMIT_MB
        )
    if file is None:
        return
    with st.spinner(f"Writing {plain(file.name)} to disk"):
        upload = sources.keep(file, file.name)
    # Another key lets the widget forget the file: Streamlit would hold it in memory as long as the widget does.
    st.session_state["uploads"] = count + 1
    st.query_params.clear()
    st.query_params["upload"] = upload
    st.rerun()
