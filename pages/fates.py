"""What will a cell become?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from pages.parts.views import view
from pages.parts.views.fates import (
    ancestry,
    cell_trajectories,
    clones,
    composition,
    fate_genes,
    fate_question,
    lineages,
    shares,
)
from pages.parts.widgets import side, view_links

context = view.open_view(
    "fates",
    "Fates",
    "What will a cell become?",
    view_links.NEEDED["fates"].capabilities,
    follow=True,
    needs=None,
)
run, data, info, map_name, place = context
counted = bool(view.capabilities(run) & set(view_links.FATES))
simulated = counted and "simulation" in fate_question.counted_by(run)

if not counted:
    with place.picture:
        lineages.show(run, data, map_name, place.answer)
    side.stop()

asked, result = shares.show(context)
titles = {"cells": "All cells"}
if simulated and DataRequirement.TIMES in info.has and info.annotations:
    titles |= {"between": "Between times"}
titles |= {"order": "Order"} if lineages.shown(run) else {}
titles |= {"genes": "Genes of a fate"} if not asked.simulated and len(result.names) > 1 and data.genes else {}
titles |= {"one": "One cell"} if simulated else {}
titles |= {"group": "A group", "clones": "Clones"} if simulated and DataRequirement.TIMES in info.has else {}
with place.picture:
    tabs = dict(zip(titles, st.tabs(list(titles.values()), **side.bound("part")), strict=True))
part = next(name for name, tab in tabs.items() if tab.open)
with tabs[part]:
    if part == "order":
        lineages.show(run, data, map_name)
    elif part == "between":
        composition.between_times(run, data)
    elif part == "genes":
        fate_genes.show(run, *fate_genes.choose(run, asked.states, asked.ends))
    elif part == "one":
        cell_trajectories.show(run, data, map_name, asked.of_simulation)
    elif part == "group":
        ancestry.show(run, data, map_name)
    elif part == "clones":
        clones.show(run, data, map_name)
    else:
        shares.cells(context, result, asked.states)
