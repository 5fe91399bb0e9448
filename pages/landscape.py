"""Where do cells settle?"""

import streamlit as st

from cellflow_core.figures import landscape
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, summaries
from pages.parts.views import cell_selection, colouring, view
from pages.parts.views.fields import barriers, chain_landscape, least_action
from pages.parts.widgets import background, chart, side, state, view_links

NO_GRADIENT = (
    "The part of the squared velocity of the cells around a place that no potential explains: 0% where they move "
    "downhill, 100% where they go around. Grey: no cells of this time."
)

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
parts = {"roll": "Cells that roll", "path": "Path between two states"}
has_field = bool(view.FIELDS & view.capabilities(run))

kinds = {"quasi": "Quasi-potential (−log p)"}
if "potential" in background.catalogue()[run.recipe.model].capabilities_with(run.recipe.settings):
    kinds = {"potential": "Learnt potential", **kinds}
with place.controls:
    part = view.options("Show", "part", parts) if has_field else "roll"
    ends = least_action.ask(data) if part == "path" else None
    kind = view.options("Height of the surface", "height", kinds) if len(kinds) > 1 else "quasi"
    held = "Surface at" if ends is None else "Surface and field at"
    time = view.time_or_none(held, info, info.times, default=-1)
    layers = {"cells": "Measured cells", "paths": "Paths", "nothing": "Nothing"}
    colour, colours = "height", {"height": "Height", "non-gradient": "Share that is no gradient"}
    if has_field:
        colour = view.options("Colour", "colour", colours, help=NO_GRADIENT)
    shown = view.options("On the surface", "on", layers)
    cells = colouring.choose(data)
    points = data.embedding(map_name)
    if ends is None:
        st.markdown("**Which cells roll?** Click the surface, or draw around cells here.")
        small, words = colouring.scatter_of(points, cells, data.view_axes(map_name), state.outline(map_name))
        chart.lasso(small, f"roll_{run.id}_{map_name}", words, map_name)
        first = "Cells of the first time" if info.times else "Cells drawn at random"
        view.outline_words(map_name, points, f"{first} roll until you choose some.", info)

by = next(iter(cell_selection.groupings(data)), "")
roll = cell_selection.usable(points, state.outline(map_name))
with place.picture:
    asked = analysis_pool.submit_analysis("landscape", run.id, view=map_name, kind=kind, time=time, roll=roll, by=by)
    path = None
    if ends is not None:
        path = analysis_pool.submit_analysis("least_action", run.id, view=map_name, time=time, **ends._asdict())
    result = background.result_of(asked, "Measuring the landscape")
look = {"on": shown, "by": colour, "cells": cells, "unit": info.time_unit, "dark": dark, "height": 560}
if ends is not None and path is not None:
    with place.picture:
        found = background.result_of(path, "Looking for the paths of least action")
    least_action.show(context, ends, found, result, look)
    side.stop()

with place.answer:
    summary = summaries.of_landscape(result, info.time_unit)
    view.show_summary(summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit))
with place.picture:
    figure = landscape.landscape(result, **look)
    scene = chart.chart3d(figure, "landscape_3d", landscape.describe(result))
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
    barriers.show(run, place.picture, view=map_name, kind=kind, time=time, by=by)
