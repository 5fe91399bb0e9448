"""Many genes perturbed one after the other: which, how, and what came of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset
from cellflow_core.figures.perturbations import screen as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import screen_summaries as words
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection, gene_search, perturb_form, view
from pages.parts.widgets import background, chart, side

MOST = 300
USUAL = 50


def show(run_id: str, data: Dataset, map_name: str, genes: tuple[str, ...], place: view.Layout) -> None:
    """The form beside the answer to what it was last asked."""
    with place.controls:
        asked = _form(run_id, data, map_name, genes)
        key = side.undone(f"screen_{run_id}")
        st.session_state.setdefault(key, None)
        look: dict[str, Any] = {"type": "primary", "icon": ":material/biotech:", "disabled": asked is None}
        st.button("Screen these genes", key=side.key("screen_asked"), on_click=_start, args=(key, asked), **look)
    with place.picture:
        if st.session_state[key] is None:
            st.info(
                "Each gene is changed by itself in the same initial cells. Choose the genes, then start the screen."
            )
            return
        question = st.session_state[key]
        if asked != question:
            st.caption(":material/history: The settings were changed since. Shown is the last screen.")
        _answer(run_id, question, map_name)


def _start(key: str, question: dict[str, Any]) -> None:
    """Before the page is drawn, so that it is a change that is undone."""
    st.session_state[key] = question


def _answer(run_id: str, question: dict[str, Any], map_name: str) -> None:
    result = background.result_of(
        analysis_pool.submit_analysis("screen", run_id, view=map_name, **question),
        f"Simulating {len(question['genes'])} perturbations",
    )
    fate = 0
    if len(result.names) > 1:
        fate = st.selectbox(
            "Terminal state",
            range(len(result.names)),
            format_func=lambda k: plain(result.names[k]),
            key=side.undone("screen_fate"),
        )
    view.show_summary(words.of_screen(result, fate))
    figure = figures.volcano(result, fate, dark=chart.dark())
    chart.chart(figure, "screen_volcano", figures.describe(result, fate))
    rows = words.rows(result, fate)
    st.markdown("**Genes, by their change**")
    part = st.text_input("Filter genes", key=side.key("screen_filter"), placeholder="part of a name").strip().casefold()
    kept = [k for k, gene in enumerate(rows["gene"]) if part in gene.casefold()]
    st.dataframe({name: [values[k] for k in kept] for name, values in rows.items()}, hide_index=True)
    chart.downloads(figure, rows, f"screen-{run_id}", "screen")
    view.notes(result.notes)


def _form(run_id: str, data: Dataset, map_name: str, genes: tuple[str, ...]) -> dict[str, Any] | None:
    """Settings of the question "screen", None where no gene is chosen."""
    chosen = _genes(data, genes)
    kind = view.options("Change", "screen_kind", {"knock-out": "Knock-out", "over-expression": "Over-express"})
    more = perturb_form.initial_and_terminal(run_id, data, map_name)
    if not chosen:
        st.info("Choose at least one gene to change.")
        return None
    return {"genes": chosen, "kind": kind, **more}


def _genes(data: Dataset, genes: tuple[str, ...]) -> tuple[str, ...]:
    """The regulators of the prior network, the genes that differ most between cells, or those that are named."""
    choices = {"regulators": "Regulators", "variable": "Most variable", "named": "Named"}
    if DataRequirement.NETWORK not in data.info.has:
        del choices["regulators"]
    by = view.options("Genes", "screen_genes", choices)
    if by == "regulators":
        found = cell_selection.regulators(data)[:MOST]
        st.caption(f"{len(found)} regulators of the prior network are among the genes of the state.")
        return found
    if by == "variable":
        most = min(len(genes), MOST)
        count = st.slider("How many", 1, most, min(USUAL, most), **side.bound("screen_count")) if most > 1 else 1
        return cell_selection.most_variable(data, count)
    return gene_search.several("Which genes", data, genes, name="screened", most=MOST)
