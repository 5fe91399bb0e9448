"""The landscape of a model that moves no cells but links measured ones by transitions."""

from __future__ import annotations

import streamlit as st

from cellflow_core.figures import landscape
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, summaries
from pages.parts.views import cell_selection, colouring, view
from pages.parts.widgets import background, chart, state

LAYERS = {"cells": "Measured cells", "paths": "Paths", "nothing": "Nothing"}


def show(context: view.ViewContext) -> None:
    """The surface with walks along the transitions, which begin in the chosen cells."""
    run, data, info, map_name, place = context
    kinds = {"auto": "Potential, where there is one", "quasi": "Long run (−log p)"}
    with place.controls:
        kind = view.options("Height of the surface", "height", kinds)
        shown = view.options("On the surface", "on", LAYERS)
        cells = colouring.choose(data)
    roll = cell_selection.usable(data.embedding(map_name), state.outline(map_name))
    by = next(iter(cell_selection.groupings(data)), "")
    with place.picture:
        asked = analysis_pool.submit_analysis("chain_landscape", run.id, view=map_name, kind=kind, roll=roll, by=by)
        result = background.result_of(asked, "Walking along the transitions")
        figure = landscape.landscape(result, on=shown, cells=cells, dark=chart.dark(), height=560)
        chart.chart3d(figure, "landscape_3d", landscape.describe(result))
    with place.answer:
        view.show_summary(summaries.of_chain_landscape(result))
    with place.more:
        view.notes(result.notes)
        view.numbers(figure, cell_rows.on_landscape(result, data, info.time_unit), f"landscape-{run.id}", "landscape")
        at = {"run": run.id}
        st.page_link("fates.py", label="Which cells reach which end? See Fates", query_params=at)
