"""Which model should I trust?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.verdict import untestable
from pages.parts.training import compare_forecasts, compare_form, compare_lineages, compare_orders, compare_table
from pages.parts.widgets import selectors
from pages.parts.widgets.background import catalogue

st.title("Compare")
st.caption(
    "Each model is trained again without one of your times and predicts its cells, or without some individuals or what "
    "was measured of them later. A model that comes near to what was held out has earned more trust than one that fits "
    "what it was trained on."
)
info = selectors.pick_dataset()
followed = DataRequirement.SUBJECTS in info.has
if followed:
    compare_forecasts.show(info)
ordered = compare_orders.ordered(info)
if sentence := untestable(info):
    if ordered or followed:
        st.info(plain(sentence), icon=":material/info:")
        if ordered:
            compare_orders.show(info, ordered)
        st.stop()
    selectors.empty_state(
        "These data cannot test a model", plain(sentence), {"data.py": "Other data", "train.py": "Train a model"}
    )
cards = catalogue()
request = compare_form.choose(info, cards)
compare_table.show(info, request, cards)
compare_lineages.show(info)
if ordered:
    compare_orders.show(info, ordered)
