"""What did I measure?"""

import streamlit as st

from cellflow_core.data import store
from pages.parts import add_data, dataset, downloading, history, import_guide, pick, undo

st.title("Data")
if "upload" in st.query_params:
    downloading.watch(st.query_params["upload"])
    import_guide.show(st.query_params["upload"])
    st.stop()

undo.offer("dataset", store.restore)
for problem in store.problems():
    st.warning(problem, icon=":material/broken_image:")
found = store.datasets()
with st.expander(
    "Add data: a demo, a simulation, your own file or public data",
    expanded=not found or "from" in st.query_params,
    icon=":material/add:",
    key="add_data",
):
    add_data.show()
if not found:
    st.info(
        "Nothing is loaded yet. A demo is the quickest way to see what this app does; your own file stays on the "
        "machine that runs this app and is sent nowhere else.",
        icon=":material/info:",
    )
    history.trash()
    st.stop()
dataset.show(pick.pick_dataset())
history.trash()
