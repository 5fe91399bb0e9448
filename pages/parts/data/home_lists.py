"""What Home lists: own data sets and trained models, and where each kind of visitor starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import ago, badge, plain
from cellflow_core.runs import groups
from cellflow_core.runs.groups import RunGroup
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_time
from pages.parts.widgets.selectors import VIEWS, row_word, run_facts, times_words

SHOWN = 5

AUDIENCES = (
    (
        ":material/biotech: I work at the bench",
        "Upload your file on **Data**, check the time points, press **Start training**. Then look at **Landscape**, "
        "**Flow** and **Time**, and try a knock-out on **Perturb**. Every picture says how to read it.",
    ),
    (
        ":material/school: I teach",
        "Open the demo: its truth is known, so a class can see what a model finds and what it misses. "
        "Training takes about a minute, with the loss falling live on the projector.",
    ),
    (
        ":material/terminal: I compute",
        "Every model with all its settings, several seeds, a held-out time beside a trivial baseline, and the command "
        "line that repeats a run. `python -m cellflow_core --help` does the same without the browser.",
    ),
)


def show(datasets: Sequence[DatasetInfo], runs: Sequence[Run]) -> None:
    """Data sets beside trained models, the newest of each."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Your data")
        if not datasets:
            st.caption("None yet. Open the demo, or bring a file.")
        for info in datasets[:SHOWN]:
            with st.container(gap=None, key=f"home_data_{info.id}"):
                st.page_link(
                    "data.py",
                    label=plain(info.label),
                    icon=":material/table_chart:",
                    query_params={"dataset": info.id},
                )
                st.caption(f"{counted(info.cells, row_word(info))} at {times_words(info)}")
        if len(datasets) > SHOWN:
            st.page_link("data.py", label=f"All {len(datasets)}", icon=":material/more_horiz:")
    with right:
        st.header("Your trained models")
        if not runs:
            st.caption("None yet. The demo trains one for you in about a minute.")
        names = {each.id: each.label for each in datasets}
        for each in groups.groups(runs)[:SHOWN]:
            _comparison(each, names) if each.comparison else _training(each, names) if not each.sweep else _sweep(each)
        if runs:
            st.page_link("runs.py", label="All trained models", icon=":material/list_alt:")


def _comparison(group: RunGroup, names: Mapping[str, str]) -> None:
    recipe, ended = group.runs[0].recipe, sum(run.status().ended for run in group.runs)
    models = len({run.recipe.model for run in group.runs})
    with st.container(gap=None, key=f"home_group_{group.id}"):
        st.page_link(
            "compare.py",
            label=f"Comparison of {counted(models, 'model')}",
            icon=":material/leaderboard:",
            query_params={"dataset": recipe.dataset},
        )
        st.caption(
            f"{plain(names.get(recipe.dataset, 'deleted data'))} · {ended} of {counted(len(group.runs), 'run')} ended "
            f"· {ago(recipe.created)}"
        )


def _sweep(group: RunGroup) -> None:
    recipe, ended = group.runs[0].recipe, sum(run.status().ended for run in group.runs)
    with st.container(gap=None, key=f"home_group_{group.id}"):
        link = {"dataset": recipe.dataset, "group": group.id}
        st.page_link("train.py", label="Sweep over settings", icon=":material/grid_on:", query_params=link)
        st.caption(f"{ended} of {counted(len(group.runs), 'run')} ended · {ago(recipe.created)}")


def _training(group: RunGroup, names: Mapping[str, str]) -> None:
    """The model trained on all times; its other seeds and the copy with a held-out time are counted."""
    run = next((each for each in reversed(group.runs) if each.recipe.hold_out is None), group.runs[-1])
    more = [each for each in group.runs if each is not run]
    without = [
        f"a copy without time {format_time(each.recipe.hold_out)}" for each in more if each.recipe.hold_out is not None
    ]
    others = sum(each.recipe.model != run.recipe.model for each in more)
    seeds = len(more) - len(without) - others
    facts = [*run_facts(run), *([f"{counted(seeds, 'more seed')}"] if seeds else []), *without]
    facts += [f"{counted(others, 'other model')} beside it"] if others else []
    state = run.status().state
    page = next(iter(VIEWS)) if state == "done" else "runs.py"
    icon = ":material/landscape:" if state == "done" else ":material/list_alt:"
    with st.container(gap=None, key=f"home_run_{run.id}"):
        st.page_link(page, label=plain(run.label), icon=icon, query_params={"run": run.id})
        where = plain(names.get(run.recipe.dataset, "deleted data"))
        st.markdown(f"{badge(state)} :small[:gray[{' · '.join((where, *facts, ago(run.recipe.created)))}]]")


def audiences() -> None:
    """Three beginnings, in words."""
    st.header("Where to start")
    for column, (title, text) in zip(st.columns(3), AUDIENCES, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            st.markdown(text)
