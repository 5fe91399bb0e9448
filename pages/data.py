"""What did I measure?"""

import streamlit as st

from cellflow_core.data import store
from cellflow_core.reporting.formatting import plain
from pages.parts.data import add_data, dataset, downloading, provenance
from pages.parts.importing import guide
from pages.parts.widgets import selectors, undo

st.title("Data")
if "upload" in st.query_params:
    downloading.watch(st.query_params["upload"])
    guide.show(st.query_params["upload"])
    st.stop()

undo.offer("dataset", store.restore)
for problem in store.damaged_datasets():
    st.warning(plain(problem), icon=":material/broken_image:")
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
        "Nothing is loaded yet. A demo shows in a minute what this app does; your own file stays on the "
        "machine that runs this app and is sent nowhere else.",
        icon=":material/info:",
    )
    provenance.trash()
    st.stop()
dataset.show(selectors.pick_dataset())
provenance.trash()
