"""The cells of a data set on a map, coloured by what is known of them; an outline can be drawn around some."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.importing import second_modality
from cellflow_core.data.store.dataset import view_name
from cellflow_core.figures import scatter
from cellflow_core.figures.cells import packed_map
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.plural import counted
from pages.parts.views import cell_selection, colouring, gene_search, own_colours, view
from pages.parts.widgets import progress_bar, selectors, state
from pages.parts.widgets.background import forget, pending, sentence, umap
from pages.parts.widgets.cell_map import component
from pages.parts.widgets.chart import dark, lasso


def show(info: store.DatasetInfo) -> str:
    """The picture of the cells. The view it shows."""
    st.header("Embedding")
    data = cell_selection.dataset(info.id)
    choices = colouring.choices(info) or [("time", "")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = state.value("view")
        st.session_state[f"view_{info.id}"] = asked if asked in info.views else _best_view(info)
        shown = st.segmented_control(
            "Map",
            info.views,
            format_func=view_name,
            key=f"view_{info.id}",
            required=True,
            on_change=lambda: state.choose("view", st.session_state[f"view_{info.id}"]),
        )
        kind, name = st.selectbox(
            "Colour by",
            choices,
            key=f"colour_{info.id}",
            width=220,
            persist_state="session",
            format_func=colouring.words,
        )
        if kind == "gene":
            asked, key = state.value("gene"), f"gene_{info.id}"
            st.session_state[key] = asked if asked in data.genes else None
            name = st.selectbox(
                "Gene",
                data.genes,
                key=key,
                width=220,
                index=None,
                format_func=gene_search.shown(data),
                placeholder="Search",
                on_change=lambda: state.choose("gene", *filter(None, [st.session_state[key]])),
            )
        chosen = kind, name or ""
        own_colours.choose(data, kind, colouring.of(data, chosen))
    shown = str(shown or "pca")
    points = data.embedding(shown)
    _picture(data, shown, points, colouring.of(data, chosen))
    choose = f"Draw around {selectors.row_word(info)}s to choose them for a step below."
    view.outline_words(shown, points, choose, info)
    if "umap" not in info.views:
        _umap(info)
    return shown


def _picture(data: store.Dataset, shown: str, points: np.ndarray, found: Colouring | None) -> None:
    """By plotly, which saves and zooms as all figures do; many cells as points of a canvas."""
    key, polygon = f"cells_{data.info.id}_{shown}", state.outline(shown)
    if len(points) > scatter.DRAWN_UP_TO:
        rows = counted(len(points), selectors.row_word(data.info))
        alt = f"{rows} on a 2-D view. {found.words() if found else ''}".strip()
        packed = packed_map.pack(
            cell_selection.places(data, shown), found, alt=alt, polygon=polygon, lasso=True, dark=dark()
        )
        if component.draw(packed, f"{key}_points", shown):
            return
        st.caption(f"This browser has no WebGL2: {scatter.DRAWN_UP_TO:,} of the cells are drawn.")
    row = selectors.row_word(data.info)
    figure, words = colouring.scatter_of(points, found, data.view_axes(shown), polygon, row, height=460)
    lasso(figure, key, words, shown)


def _best_view(info: store.DatasetInfo) -> str:
    """The published picture where there is one."""
    others = [each for each in info.views if each not in ("pca", "umap", second_modality.VIEW)]
    return others[0] if others else "pca"


def _umap(info: store.DatasetInfo) -> None:
    """UMAP is computed behind the page; the page runs again when it is there."""
    if pending(f"umap-{info.id}") is None:
        if st.button("Compute a UMAP", key="umap_start", icon=":material/scatter_plot:"):
            umap(info.id)
            st.rerun()
        return
    future = umap(info.id)
    if not future.done():
        st.caption(":material/pending: A UMAP is being computed; go on meanwhile.")
        progress_bar.wait_for(future, key=f"umap_wait_{info.id}")
        return
    error = future.exception()
    if error is None:
        forget(future)
        st.rerun()
    st.warning(f"The UMAP could not be made. {sentence(error)}")
    if st.button("Try again", key="umap_again", icon=":material/refresh:"):
        forget(future)
        umap(info.id)
        st.rerun()
