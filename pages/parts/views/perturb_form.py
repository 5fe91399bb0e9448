"""What to change, in which cells, and what to count: the controls of the Perturb page."""

from __future__ import annotations

from typing import Any, NoReturn

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures import scatter
from cellflow_core.reporting import formatting
from pages.parts.views import cell_selection, gene_search, view
from pages.parts.views.fates import fate_question
from pages.parts.widgets import chart, selectors, side, state

FARTHEST = 5.0
"""Standard deviations that a gene of the initial cells can be set to, in either direction."""
MAX_GENES = 6
"""Genes that can be changed at once."""
LASTS = {
    "knock-out": "The gene is held at its lowest level throughout: it cannot recover, whatever the cell does.",
    "edges": "What the gene does to these targets is taken away: their equations see it as not expressed, whatever its "
    "level is. The gene itself follows the model, and still acts on all others.",
    "over-expression": "The gene is held at this level throughout, whatever the cell does.",
    "shift": "Only the initial cells are changed, then nothing is held: the gene follows the model, and may "
    "recover. This is the perturbation of PRESCIENT.",
}
"""How long each kind of change lasts, in words."""


def no_genes() -> NoReturn:
    """Data without genes: say so, and where to go."""
    selectors.empty_state(
        "These data have no genes to change",
        "They are coordinates in a table. Load gene expression (an .h5ad file, or a table of genes) to change a gene.",
        {"data.py": "Add data"},
    )


def form(
    run_id: str, data: Dataset, map_name: str, genes: tuple[str, ...], network: bool = False
) -> dict[str, Any] | None:
    """Settings of the question "perturb"; None where no gene of the model is chosen, which is shown.

    network  whether the model has a network, of which edges can be cut
    """
    chosen = gene_search.several(
        "Genes",
        data,
        genes,
        name="gene",
        most=MAX_GENES,
        usual=genes[:1],
        of="this model, chosen when the data were loaded: a model can only change what it has learnt",
        help="Type to search, or paste a list. The first one differs most between cells. Several genes are changed at "
        "once.",
    )
    if not chosen:
        st.info("Choose at least one gene to change.")
        return None
    kind = view.options(
        "Change",
        "change",
        {"knock-out": "Knock-out", "over-expression": "Over-express", "shift": "Shift"}
        | ({"edges": "Cut edges"} if network else {}),
        help="How long the change lasts, and how strong it is.",
    )
    st.caption(LASTS[kind])
    if kind == "edges":
        targets = st.multiselect(
            "Targets",
            [each for each in genes if each not in chosen],
            format_func=gene_search.shown(data),
            **side.bound("edge_targets"),
        )
        if not targets:
            st.info("Choose the genes that are cut off.")
            return None
        more = {"kind": kind, "targets": tuple(targets)}
    else:
        level = _level(data, chosen, kind)
        more = {"kind": "knock-down" if kind == "knock-out" and level is not None else kind, "level": level}
    return {"genes": chosen, **more, **initial_and_terminal(run_id, data, map_name)}


def initial_and_terminal(run_id: str, data: Dataset, map_name: str) -> dict[str, Any]:
    """Which cells are followed, and what the terminal states are."""
    return {"states": fate_question.states(data), **_starts(run_id, data, map_name)}


def _level(data: Dataset, genes: tuple[str, ...], kind: str) -> float | tuple[float, ...] | None:
    """What the genes are set to; None for no expression."""
    if kind == "knock-out":
        strength = st.slider(
            "Strength",
            10,
            100,
            100,
            5,
            **side.bound("strength"),
            format="%d %%",
            help="100 %: nothing is left. Less is a knock-down: the rest of the gene's mean in the measured cells.",
        )
        found = [cell_selection.knocked_down(data, gene, strength / 100) for gene in genes]
        return None if strength == 100 else tuple(found)
    if kind == "shift":
        return st.slider(
            "Set to (standard deviations)",
            -FARTHEST,
            FARTHEST,
            -FARTHEST,
            0.5,
            **side.bound("shift"),
            format="%+.1f",
            help="From the mean of each gene over all cells, as read from the state of the model. "
            "-5 stands for a loss, +5 for a gain; with few genes in the model that is far outside the data.",
        )
    found = []
    for gene in genes:
        low, usual, high = cell_selection.levels(data, gene)
        found.append(
            st.slider(
                "Level" if len(genes) == 1 else f"Level of {formatting.plain(gene)}",
                low,
                high,
                usual,
                **side.bound(f"level_{gene}"),
                format="%.2f",
                help=f"In the units of the data. 99 % of measured cells lie below {usual:g}.",
            )
        )
    return found[0] if len(found) == 1 else tuple(found)


def _starts(run_id: str, data: Dataset, map_name: str) -> dict[str, Any]:
    choices = {"first": "First time", "label": "Group", "lasso": "Lasso"}
    if not data.info.annotations:
        del choices["label"]
    choice = view.options("Initial cells", "starts", choices)
    if choice == "label":
        name = st.selectbox("Annotation", cell_selection.groupings(data), **side.bound("start_by"))
        value = st.selectbox("Group", cell_selection.values(data, name), **side.bound(f"start_of_{name}"))
        return {"start_label": (name, value)}
    if choice == "lasso":
        key, points = f"start_{run_id}_{map_name}", data.embedding(map_name)
        codes, names = scatter.grouped(data.snapshots().t)
        figure = scatter.scatter(
            points,
            codes,
            names=names,
            in_order=True,
            title="time",
            axes=data.view_axes(map_name),
            polygon=state.outline(map_name),
            dark=chart.dark(),
            height=330,
        )
        chart.lasso(figure, key, scatter.describe(points, codes, names, "time"), map_name)
        view.outline_words(
            map_name, points, "Draw around the cells to start from. Until then: all of the first time.", data.info
        )
        return {"polygon": cell_selection.usable(points, state.outline(map_name))}
    return {}
