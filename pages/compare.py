"""Which model should I trust?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from pages.parts.training import compare_form, compare_table
from pages.parts.widgets import selectors
from pages.parts.widgets.background import catalogue

st.title("Compare")
st.caption(
    "Each model is trained again without one of your times and has to guess its cells. Whoever comes nearest to cells "
    "it never saw has earned more trust than one that fits what it was shown."
)
info = selectors.pick_dataset()
if DataRequirement.HOLD_OUT not in info.has:
    selectors.empty_state(
        "These data cannot test a model",
        f"A time that is left out must lie between two others, and {info.label} has {len(info.times)}.",
        {"data.py": "Other data"},
    )
cards = catalogue()
wish = compare_form.choose(info, cards)
compare_table.show(info, wish, cards)
