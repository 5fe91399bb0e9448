"""What have I trained?"""

import streamlit as st

from cellflow_core.data import store
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.runs import index
from pages.parts.training import run_card, run_filter
from pages.parts.widgets import selectors, undo

st.title("Runs")
undo.offer("run", index.restore)
for id, problem in index.damaged_runs():
    st.warning(plain(as_sentence(f"Run {id} is left out: {problem}")), icon=":material/broken_image:")
runs = index.runs()
if not runs:
    selectors.empty_state(
        "Nothing is trained yet",
        "Each training you start becomes a run: kept with its settings, so that it can be reopened and repeated.",
        {"home.py": "Explore the demo", "train.py": "Train a model"},
    )
names = {each.id: each.label for each in store.datasets()}
shown = run_filter.choose(runs, names)
losses = st.container()
chosen = run_card.listed(shown, names)
with losses:
    run_card.compare(chosen)
