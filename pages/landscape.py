"""Where do cells settle?"""

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures import landscape
from cellflow_core.figures.scene import over_time
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, summaries
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection, colouring, view
from pages.parts.views.fields import barriers, chain_landscape, least_action, moving_landscape
from pages.parts.widgets import background, chart, side, state, view_links

NO_GRADIENT = (
    "The part of the squared velocity of the cells around a place that no potential explains: 0% where they move "
    "downhill, 100% where they go around. Grey: no cells of this time."
)
PARTS = (
    "One surface with the cells that roll on it; the surface of each measured time, and of times between, one after "
    "the other; or the path on which noise would lead a cell from one state to another."
)


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
has_field = bool(view.FIELDS & view.capabilities(run))
parts = {"roll": "Cells that roll"}
if len(info.times) > 1:
    parts["time"] = "Surface over time"
if has_field:
    parts["path"] = "Path between two states"

kinds = {"quasi": "Quasi-potential (−log p)"}
if "potential" in background.catalogue()[run.recipe.model].capabilities_with(run.recipe.settings):
    kinds = {"potential": "Learnt potential", **kinds}
with place.controls:
    part = view.options("Show", "part", parts, help=PARTS) if len(parts) > 1 else "roll"
    ends = least_action.ask(data) if part == "path" else None
    kind = view.options("Height of the surface", "height", kinds) if len(kinds) > 1 else "quasi"
    held = "Surface at" if ends is None else "Surface and field at"
    time = view.time_or_none(held, info, info.times, default=-1) if part != "time" else None
    layers = {"cells": "Measured cells", "paths": "Paths", "nothing": "Nothing"}
    colour, colours = "height", {"height": "Height", "non-gradient": "Share that is no gradient"}
    if has_field and part != "time":
        colour = view.options("Colour", "colour", colours, help=NO_GRADIENT)
    if part == "time":
        shown = view.options("On the surfaces", "on_all", {each: layers[each] for each in ("cells", "nothing")})
    else:
        shown = view.options("On the surface", "on", layers)
    cells = colouring.choose(data)
    points, label = data.embedding(map_name), {}
    if ends is None:
        st.markdown("**Which cells roll?** Click the surface, take a group, or draw around cells here.")
        label = _group(data)
        small, words = colouring.scatter_of(points, cells, data.view_axes(map_name), state.outline(map_name))
        chart.lasso(small, f"roll_{run.id}_{map_name}", words, map_name)
        first = "Cells of the first time" if info.times else "Cells drawn at random"
        view.outline_words(map_name, points, f"{first} roll until you choose some.", info)

by = next(iter(cell_selection.groupings(data)), "")
roll = cell_selection.usable(points, state.outline(map_name))
with place.picture:
    where = {"view": map_name, "kind": kind, "by": by}
    cells_that_roll = {"roll": roll, **label}
    asked = analysis_pool.submit_analysis("landscape", run.id, time=time, **where, **cells_that_roll)
    path = None
    if ends is not None:
        path = analysis_pool.submit_analysis("least_action", run.id, view=map_name, time=time, **ends._asdict())
    result = background.result_of(asked, "Measuring the landscape")
look = {"on": shown, "cells": cells, "unit": info.time_unit, "dark": dark, "height": 560}
if ends is not None and path is not None:
    with place.picture:
        found = background.result_of(path, "Looking for the paths of least action")
    least_action.show(context, ends, found, result, look | {"by": colour})
    side.stop()

with place.answer:
    summary = summaries.of_landscape(result, info.time_unit)
    view.show_summary(summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit))
with place.picture:
    moved = moving_landscape.asked(run, **where, **cells_that_roll) if part == "time" else None
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
