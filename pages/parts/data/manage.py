"""A data set's name, its trash, and with whom it is shared."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data import store
from pages.parts.widgets import sharing, undo
from pages.parts.widgets.background import sentence


def show(info: store.DatasetInfo) -> None:
    """What its owner can do to it; what others may do with it, where it is another person's."""
    sharing.show("dataset", info.id)
    if not sharing.owned("dataset", info.id):
        return
    with st.expander("Rename or delete", icon=":material/edit:"):
        label = st.text_input("Name", info.label, key=f"rename_{info.id}", max_chars=80)
        with st.container(horizontal=True):
            if st.button("Save the name", key="rename_save", disabled=label == info.label):
                try:
                    store.rename(info.id, label)
                except ValueError as error:
                    st.error(sentence(error))
                else:
                    st.rerun()
            if st.button("Delete", key="delete_dataset", icon=":material/delete:"):
                try:
                    store.delete(info.id)
                except ValueError as error:
                    st.error(sentence(error))
                else:
                    undo.deleted("dataset", info.id)
        st.caption(
            "Deleting moves it to the trash; you can undo it. Models trained on it stay, but their views need it."
        )
