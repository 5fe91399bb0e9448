"""What did I measure?"""

import streamlit as st

from cellflow_core.data import store
from pages.parts import add_data, dataset, import_guide, pick, undo

st.title("Data")
if "upload" in st.query_params:
    import_guide.show(st.query_params["upload"])
    st.stop()

undo.offer("dataset", store.restore)
for problem in store.problems():
    st.warning(problem, icon=":material/broken_image:")
found = store.datasets()
with st.expander(
    "Add data: open a demo or bring your own file", expanded=not found, icon=":material/add:", key="add_data"
):
    add_data.show()
if not found:
    st.info(
        "Nothing is loaded yet. A demo is the quickest way to see what this app does; your own file stays on the "
        "machine that runs this app and is sent nowhere else.",
        icon=":material/info:",
    )
    st.stop()
dataset.show(pick.pick_dataset())
