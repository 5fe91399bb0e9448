"""What will a cell become?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from pages.parts.views import ancestry, cell_trajectories, clones, view
from pages.parts.views.fates import fate_genes, fate_question, lineages, shares

COUNTED = ("velocity", "drift", "potential", "coupling", "sampler", "transitions")

context = view.open_view(
    "fates",
    "Fates",
    "What will a cell become?",
    (*COUNTED, "lineages"),
    follow=True,
    needs=None,
)
run, data, info, map_name = context
counted = bool(view.capabilities(run) & set(COUNTED))
simulated = counted and "simulation" in fate_question.counted_by(run)

if not counted:
    lineages.show(run, data, map_name)
    st.stop()

asked, several = shares.show(context)

if lineages.shown(run):
    st.header("In which order do the cells come?", anchor="lineages")
    lineages.show(run, data, map_name)

if not asked.simulated and several and data.genes:
    st.header("Which genes go with a fate?", anchor="fate-genes")
    fate_genes.show(run, *fate_genes.choose(run, asked.states, asked.ends))

if simulated:
    st.header("Many futures of one cell", anchor="one-cell")
    cell_trajectories.show(run, data, map_name, asked.of_simulation)

if simulated and DataRequirement.TIMES in info.has:
    st.header("Where does a group come from?", anchor="ancestry")
    ancestry.show(run, data, map_name)

    st.header("Do clones agree?", anchor="clones")
    clones.show(run, data, map_name)
