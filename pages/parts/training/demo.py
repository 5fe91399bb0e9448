"""The demo: simulated cells that choose between two fates, and a model trained on them in a minute."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.figures import scatter, trajectories
from cellflow_core.jobs import analysis_pool
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.data.add_data import make_demo
from pages.parts.training import run_progress
from pages.parts.widgets import progress_bar
from pages.parts.widgets.background import cached_future, result_of
from pages.parts.widgets.chart import chart, dark

NAME = "toggle"
DATASET = f"demo-{NAME}"


def run_of_demo() -> Run | None:
    """The first trained model of the demo as it is now: whatever else is tried on it does not change the first page."""
    prints = {each.fingerprint for each in store.datasets() if each.id == DATASET}
    for run in reversed(index.runs()):
        of_demo = run.recipe.dataset == DATASET and run.recipe.fingerprint in prints
        if of_demo and run.recipe.hold_out is None and run.status().state == "done":
            return run
    return None


def waiting_run() -> Run | None:
    """The model of the demo that is being trained, or waits to be."""
    return next((run for run in reversed(index.runs()) if run.recipe.dataset == DATASET and _waits(run)), None)


def _waits(run: Run) -> bool:
    return run.recipe.hold_out is None and not run.status().ended


def prepare() -> str:
    """Make the demo and begin to train its models, where that is not done; the run whose views are shown first."""
    run = run_of_demo()
    if run is not None:
        return run.id
    known = next(each for each in demos.DEMOS if each.name == NAME)
    make_demo(NAME, known.label)
    first, *_ = result_of(analysis_pool.call("cellflow_core.jobs.demo:submit"), "Preparing the training")
    return first


def explore() -> None:
    """Go to the landscape of the demo; where none is trained yet, train it first, with its progress shown."""
    first = prepare()
    run = run_of_demo()
    if run is not None:
        st.switch_page("landscape.py", query_params={"run": run.id})
    st.query_params["demo"] = first
    st.rerun()


def progress() -> None:
    """The training that `explore` began, from the URL; at its end the page goes on to the landscape."""
    id = st.query_params.get("demo")
    if id is None or id not in {run.id for run in index.runs()}:
        return
    st.header("Training the demo")
    st.caption("A small neural network learns how these cells move. When it is done, its landscape opens by itself.")
    run_progress.watch([id], then_run=id)


def picture(valley: Path) -> None:
    """Something alive: the paths of cells in the demo's model, else the demo's cells, else a drawing."""
    run = run_of_demo()
    if run is not None:
        _journey(run)
    elif DATASET in {each.id for each in store.datasets()}:
        _cells()
    else:
        st.image(str(valley), width="stretch", alt="Cells roll down a valley that forks into two fates.")
        st.caption("Cells roll down a landscape and choose a valley: Waddington's landscape, learnt from data.")


def _cells() -> None:
    data = store.open_dataset(DATASET)
    colour, names = scatter.grouped(data.snapshots().t)
    points = data.embedding("pca")
    figure = scatter.scatter(
        points, colour, axes=data.view_axes("pca"), title="time", names=names, in_order=True, dark=dark(), height=360
    )
    chart(figure, key="home_cells", alt=scatter.describe(points, colour, names, "time"))
    st.caption("The demo: 3,000 simulated cells at five times. What moves them? Explore the demo to find out.")


def _journey(run: Run) -> None:
    future = cached_future(f"home-{run.id}", lambda: analysis_pool.submit_analysis("course", run.id))
    if not future.done() or future.exception() is not None:
        _cells()
        if not future.done():
            progress_bar.wait_for(future, key="home_wait")
        return
    data = store.open_dataset(DATASET)
    found, points = future.result(), data.embedding("pca")
    figure = trajectories.journey(found, points, data.snapshots().t, dark=dark(), height=400)
    chart(figure, key="home_journey", alt=trajectories.describe(found, points))
    st.caption("The demo: measured cells by time, and the trajectories that a model predicts from the first day.")
    st.page_link(
        "landscape.py",
        label="See its landscape",
        icon=":material/landscape:",
        query_params={"run": run.id},
    )
