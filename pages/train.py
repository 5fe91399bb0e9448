"""Train a model: choose it, start it, watch its loss."""

import dataclasses

import streamlit as st

from cellflow_core.figures import scatter
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import groups, index
from pages.parts.training import model_picker, run_progress, sweep, train_form
from pages.parts.views import cell_selection
from pages.parts.widgets import chart, selectors
from pages.parts.widgets.background import catalogue, result_of


def _cells() -> None:
    """What the model will learn from: the cells by time, or the samples of individuals."""
    data = cell_selection.dataset(info.id)
    points, (codes, names) = data.embedding("pca"), cell_selection.by_time(data)
    title, axes = info.time_unit or "time", data.view_axes("pca")
    figure = scatter.scatter(points, codes, axes=axes, title=title, names=names, in_order=True, dark=chart.dark())
    st.markdown(f"**The {selectors.row_word(info)}s that it learns from**")
    chart.chart(figure, "train_cells", scatter.describe(points, codes, names, "time"))


st.title("Train")
info = selectors.pick_dataset()
cards = catalogue()

form, right = st.columns([3, 2], gap="large")
with form:
    card, choice = model_picker.choose_model(info, cards)
    request = train_form.choose_rest(info, card, choice.settings)
    if (
        st.button(
            f"Start training ({request.runs} runs)" if request and request.runs > 1 else "Start training",
            key="train_start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not choice.trainable or request is None,
        )
        and request
    ):
        made = analysis_pool.call("cellflow_core.jobs.recipes:recipes", info.id, **dataclasses.asdict(request))
        recipes = result_of(made, "Checking data and settings")
        index.submit_all(recipes)
        supervisor.ensure_supervisor()
        st.query_params["group"] = recipes[0].group
        st.toast("Training goes on if you leave or close this page.", icon=":material/check:")
        st.rerun()
    sweep.start(info, card.name, request.hold_out_after if request else None)
    for each in choice.obstacles:
        st.caption(f":material/block: {plain(card.title)} cannot be trained here. {each}")

with right:
    st.header("Training now")
    group = st.query_params.get("group", "")
    everything = index.runs()
    shown = [run for run in everything if run.recipe.group == group] if group else []
    others = [run for run in everything if not run.status().ended and run not in shown]
    # Oldest first, as they are trained.
    found = groups.groups(shown)
    if found and found[0].sweep:
        sweep.show(shown[::-1])
        shown = []
    ids = [run.id for run in (*reversed(shown), *reversed(others))]
    if ids:
        run_progress.watch(ids)
    elif not found:
        st.caption("Nothing is being trained. What you start appears here, with its loss and the time to go.")
        _cells()
    st.page_link("runs.py", label="All trained models", icon=":material/list_alt:")
