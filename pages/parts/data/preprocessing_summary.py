"""What the preparation of a data set left to look at, and how to change it."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from cellflow_core.figures.data import variance
from pages.parts.importing import form
from pages.parts.widgets.background import sentence
from pages.parts.widgets.chart import chart, dark


def explained(info: store.DatasetInfo) -> None:
    """How much of the variance the axes carry; nothing where that was not measured."""
    shares = store.open_dataset(info.id).variance()
    if shares is None or not len(shares):
        return
    with st.expander("How much of the variance the axes carry", icon=":material/bar_chart:"):
        text = variance.describe(shares)
        chart(variance.variance(shares, dark=dark()), key=f"variance_{info.id}", alt=text)
        st.caption(
            f"{text} What the axes do not carry, the model cannot see; much of it is noise of counting, so a small "
            "share in single cells is no fault by itself."
        )


def again(info: store.DatasetInfo, keeper: str) -> None:
    """Open the import guide on the same file with the same choices; this data set stays as it is.

    keeper  id of the data set that keeps the file: the first of the chain this one was made in
    """
    first = info.recipe[0] if info.recipe else {}
    if first.get("step") != "import":
        return
    if st.button(
        "Re-import",
        key=f"again_{info.id}",
        icon=":material/replay:",
        help="Opens the file again with the same choices filled in. This data set stays as it is.",
    ):
        try:
            upload = uploads.of_dataset(keeper)
        except KeyError as error:
            st.error(sentence(error))
            return
        form.of_recipe(upload, first["settings"])
        st.query_params.clear()
        st.query_params["upload"] = upload
        st.rerun()
