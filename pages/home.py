"""What is this, and where do I start?"""

from pathlib import Path

import streamlit as st

from cellflow_core.data import store
from cellflow_core.runs import index
from pages.parts.data import add_data, home_lists
from pages.parts.training import demo, tour

ASSETS = Path(__file__).parents[1] / "assets"

words, picture = st.columns(2, gap="large", vertical_alignment="center")
with words:
    st.title("See where your cells go")
    st.markdown(
        "A time course of single-cell data shows different cells at each time point. **CellFlow Explorer** trains "
        "models of the dynamics between the time points and shows what they predict: the developmental landscape, "
        "the direction and speed of cells, cell states between measured times, cell fates, and the effect of a gene "
        "knock-out. No programming needed."
    )
    with st.container(horizontal=True):
        explore = st.button("Explore the demo", key="explore_demo", type="primary", icon=":material/play_arrow:")
        if st.button("Use my own data", key="own_data", icon=":material/upload_file:"):
            st.switch_page("data.py", query_params={"from": add_data.UPLOAD})
        tour.offer("home_tour")
with picture:
    demo.picture(ASSETS / "valley.svg")
if explore:
    demo.explore()
demo.progress()

st.divider()
home_lists.show(store.datasets(), index.runs())
home_lists.audiences()
