"""Groups that may not belong to the process, named where fates are shown, with the offer to leave them out."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.preprocessing.mixed_lineages import MixedLineages, find_mixed_lineages
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.jobs import sandbox
from cellflow_core.reporting.formatting import as_sentence, plain
from pages.parts.widgets import side
from pages.parts.widgets.background import result_of, shared


def show(data: Dataset) -> None:
    """Why fates of these cells may mix lineages or ages; nothing where the cells look like one process."""
    found = _found(data.info.id, data)
    if found is None:
        return
    for each in found.sentences:
        st.warning(plain(as_sentence(each)), icon=":material/call_split:")
    if found.groups and st.button(
        "Make a data set without these groups",
        key=side.key(f"leave_out_{data.info.id}"),
        icon=":material/filter_alt:",
        help="The data set and its models stay; train a model on the new one.",
    ):
        chosen = {"by": "label", "keep": "others", "label": found.column, "values": "\n".join(found.groups)}
        future = shared(
            f"leave-out-{data.info.id}",
            lambda: sandbox.run_isolated("cellflow_core.data.steps.derive:derive", data.info.id, "subset", chosen),
        )
        made = result_of(future, "Leaving the groups out")
        st.switch_page("data.py", query_params={"dataset": made})


@st.cache_data(show_spinner=False, max_entries=64)
def _found(dataset_id: str, _data: Dataset) -> MixedLineages | None:
    return find_mixed_lineages(_data.snapshots())
