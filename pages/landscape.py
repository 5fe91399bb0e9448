"""Where do cells settle?"""

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures import landscape
from cellflow_core.figures.scene import over_time
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, summaries
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection, colouring, view
from pages.parts.views.fields import barriers, chain_landscape, moving_landscape
from pages.parts.widgets import background, chart, side, state, view_links

NO_GRADIENT = (
    "The part of the squared velocity of the cells around a place that no potential explains: 0% where they move "
    "downhill, 100% where they go around. Grey: no cells of this time."
)
PLAYS = "The surface of each measured time, and of times between, one after the other, with the cells that roll on it."


def _group(data: Dataset) -> dict[str, tuple[str, str]]:
    """The group of cells that rolls, where one is chosen."""
    by = next(iter(cell_selection.groupings(data)), "")
    groups = cell_selection.values(data, by) if by else ()
    if not groups:
        return {}
    look = {"index": None, "placeholder": "all groups"}
    value = st.selectbox(f"Group of {plain(by)}", groups, **look, **side.bound("roll_group"))
    return {"roll_label": (by, value)} if value else {}


context = view.open_view(
    "landscape",
    "Landscape",
    "Where do cells settle?",
    view_links.FATES,
    follow=True,
    needs=None,
)
run, data, info, map_name, place = context
if view.capabilities(run).isdisjoint(set(view_links.FATES) - {"transitions"}):
    chain_landscape.show(context)
    side.stop()

dark = chart.dark()

kinds = {"quasi": "Quasi-potential (−log p)"}
if "potential" in background.catalogue()[run.recipe.model].capabilities_with(run.recipe.settings):
    kinds = {"potential": "Learnt potential", **kinds}
with place.controls:
    kind = view.options("Height of the surface", "height", kinds) if len(kinds) > 1 else "quasi"
    time = view.time_or_none("Surface at", info, info.times, default=-1)
    layers = {"cells": "Measured cells", "paths": "Paths", "nothing": "Nothing"}
    colour, colours = "height", {"height": "Height", "non-gradient": "Share that is no gradient"}
    if view.FIELDS & view.capabilities(run):
        colour = view.options("Colour", "colour", colours, help=NO_GRADIENT)
    shown = view.options("On the surface", "on", layers)
    plays = len(info.times) > 1 and st.toggle("Surface changes in time", help=PLAYS, **side.bound("plays"))
    cells = colouring.choose(data)
    st.markdown("**Which cells roll?** Click the surface, take a group, or draw around cells here.")
    label = _group(data)
    points = data.embedding(map_name)
    small, words = colouring.scatter_of(points, cells, data.view_axes(map_name), state.outline(map_name))
    chart.lasso(small, f"roll_{run.id}_{map_name}", words, map_name)
    view.outline_words(
        map_name,
        points,
        "Cells of the first time roll until you choose some."
        if info.times
        else "Cells drawn at random roll until you choose some.",
        info,
    )

by = next(iter(cell_selection.groupings(data)), "")
roll = cell_selection.usable(points, state.outline(map_name))
with place.picture:
    where = {"view": map_name, "kind": kind, "by": by}
    cells_that_roll = {"roll": roll, **label}
    asked = analysis_pool.submit_analysis("landscape", run.id, time=time, **where, **cells_that_roll)
    result = background.result_of(asked, "Measuring the landscape")
with place.answer:
    summary = summaries.of_landscape(result, info.time_unit)
    view.show_summary(summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit))
with place.picture:
    look = {"on": shown, "cells": cells, "unit": info.time_unit, "dark": dark, "height": 560}
    moved = moving_landscape.asked(run, **where, **cells_that_roll) if plays else None
    if moved:
        figure, words = over_time.over_time(moved, **look), over_time.describe(moved)
    else:
        figure, words = landscape.landscape(result, by=colour, **look), landscape.describe(result)
    scene = chart.chart3d(figure, "landscape_3d", words)
    if scene.click:
        state.choose_outline(map_name, cell_selection.around(points, scene.click["x"], scene.click["y"]))
        st.rerun()
with place.more:
    view.notes(result.notes)
    view.numbers(figure, cell_rows.on_landscape(result, data, info.time_unit), f"landscape-{run.id}", "landscape")
    st.page_link(
        "fates.py",
        label="How many cells settle where? See Fates",
        icon=":material/call_split:",
        query_params={"run": run.id},
    )
    if moved:
        moving_landscape.show(moved, run, info.time_unit, place.picture)
    barriers.show(run, place.picture, time=time, **where)
