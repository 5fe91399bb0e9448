"""What the views of a trained model share: the frame above the picture, and the words below it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.data.preprocessing.splicing_layers import lacking_moments
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DamagedDatasetError, Dataset, DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.summaries import Summary, at
from cellflow_core.reporting.texts import three_texts
from cellflow_core.time_units import format_times, measured_time
from pages.parts.views import cell_selection, saved_selections
from pages.parts.widgets import background, chart, selectors, side, sides, state
from pages.parts.widgets.sides import Layout

FIELDS = frozenset({"velocity", "drift"})
"""Capabilities of which a model with a field has at least one."""
CHOOSE = "Choose cells, for every page, with the lasso in the corner of the picture."
"""What is said where none are chosen."""


class ViewContext(NamedTuple):
    """What a view looks at, and where it draws what."""

    run: Any
    dataset: Dataset
    info: DatasetInfo
    view: str
    place: Layout


def open_view(
    page: str,
    title: str,
    question: str,
    capability: tuple[str, ...],
    follow: bool = False,
    needs: DataRequirement | None = DataRequirement.TIMES,
    maps: bool = True,
) -> ViewContext:
    """Title, question, the model, its limitation, and the 2-D map. Ends the page where there is nothing to show.

    title  "" where the page has its title already
    maps   False where the page draws no map of cells
    needs  what the view requires of the data, whatever the model; None: nothing
    """
    if title:
        sides.heading(title, question)
    place = layout(beside=maps)
    with place.picture:
        run = selectors.pick_run(capability=capability, follow=follow, where=place.controls)
        try:
            dataset = cell_selection.dataset(run.recipe.dataset)
            dataset.snapshots()
        except (KeyError, DamagedDatasetError) as error:
            selectors.empty_state("The data of this model are gone", background.sentence(error), {"data.py": "Data"})
        if needs is not None:
            check_needs(dataset, needs)
    sides.whose(plain(" · ".join((run.label, *selectors.run_facts(run)))))
    with place.controls:
        view = _map_choice(dataset) if maps else "pca"
    limitation = background.catalogue()[run.recipe.model].limitation
    with st.container():
        if limitation:
            st.caption(f":material/info: {limitation}")
        texts(page)
    return ViewContext(run, dataset, dataset.info, view, place)


def layout(beside: bool = True) -> Layout:
    """An answer over the width of the page, the picture on the left below it, its controls on the right; not beside:
    the controls in a row above the picture, on a phone below it (assets/style.css). Of two views side by side, its
    half, with the controls below the picture."""
    if where := sides.places():
        return where.layout
    answer = st.container(key="answer")
    if beside:
        picture, controls = st.columns([7, 3], gap="medium")
    else:
        with st.container(key="controls_above"):
            controls = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
            picture = st.container()
    return Layout(answer, picture, controls, st.container())


def check_needs(dataset: Dataset, needs: DataRequirement) -> None:
    """End the page, with what to do, where the data do not have what it needs."""
    if needs in dataset.info.has:
        return
    if needs == DataRequirement.MOMENTS and DataRequirement.LABELLING in dataset.info.has:
        lacking = "This view compares estimators of splicing. The velocity of labelled RNA is on Flow: look there,"
    elif needs == DataRequirement.MOMENTS:
        lacking = f"{plain(as_sentence(lacking_moments(dataset)))} Train a model on velocity genes and moments,"
    else:
        lacking = f"This view needs {needs}, and {plain(dataset.info.label)} does not have that."
        lacking += " Flow, Landscape, Fates and Perturb need no times. Order its cells by pseudotime on the Data page,"
    selectors.empty_state(
        "These data cannot show this", f"{lacking} or choose a model of other data above.", {"data.py": "Data"}
    )


def capabilities(run: Any) -> frozenset[str]:
    """What this model can do with the settings it has."""
    return background.catalogue()[run.recipe.model].capabilities_with(run.recipe.settings)


def _map_choice(dataset: Dataset) -> str:
    """PCA or UMAP; where there is no UMAP yet it is made, once for the data set."""
    names, asked = {"pca": "PCA", "umap": "UMAP"}, state.value("view")
    key = side.key("view_shown")
    st.session_state[key] = asked if asked in names else "pca"
    view = str(
        st.segmented_control(
            "Map",
            list(names),
            format_func=names.__getitem__,
            required=True,
            key=key,
            on_change=side.here(lambda: state.choose("view", st.session_state[key])),
            help="How cells are laid out in two dimensions.",
        )
    )
    if view == "umap" and "umap" not in dataset.info.views:
        background.result_of(background.umap(dataset.info.id), "Making the UMAP, once for this data set")
        st.rerun()
    return view


def options(label: str, key: str, choices: Mapping[str, str], **look: Any) -> str:
    """One of a few, as buttons side by side, kept in the link under `key`."""
    chosen = st.segmented_control(
        label,
        list(choices),
        format_func=lambda each: choices[each],
        default=next(iter(choices)),
        required=True,
        **side.bound(key),
        wrap=True,
        **look,
    )
    return str(chosen or next(iter(choices)))


def steps(info: DatasetInfo, between: int = 4) -> tuple[float, ...]:
    """The measured times and `between` - 1 evenly spaced ones in each gap; () where no time is known."""
    if not info.times:
        return ()
    pairs = zip(info.times[:-1], info.times[1:], strict=True)
    return (*(a + (b - a) * k / between for a, b in pairs for k in range(between)), info.times[-1])


def time_or_none(label: str, info: DatasetInfo, times: Any, *, default: int) -> float | None:
    """`time_choice`, with the place of the default among the measured times; None where no time is known."""
    return time_choice(label, info, times, default=info.times[default]) if info.times else None


def time_choice(label: str, info: DatasetInfo, times: Any, *, default: float) -> float:
    """A slider over these times; the one chosen is kept for all views, and another one in the link is stated."""
    options = [float(each) for each in times]
    asked = state.value("time")
    try:
        time = default if asked is None else measured_time(float(asked), options)
    except ValueError:
        time = float("nan")
    if not options[0] <= time <= options[-1]:
        near = options[-1] if time > options[-1] else options[0] if time < options[0] else default
        span = " and ".join(at(each, info.time_unit) for each in (options[0], options[-1]))
        st.warning(
            f"The link asks for time “{plain(str(asked))}”, and these data lie between {span}. "
            f"Shown is {at(near, info.time_unit)}.",
            icon=":material/schedule:",
        )
        time = near
    near = min(options, key=lambda each: abs(each - time))
    if len(options) == 1:
        return near
    unit = f" ({info.time_unit})" if info.time_unit else ""
    known = ", ".join(format_times(info.times))
    text = f"{label}{unit}, measured at {known}" if len(info.times) <= 8 else f"{label}{unit}"
    names = dict(zip(options, format_times(options), strict=True))
    key = side.key("time_shown")
    st.session_state[key] = near
    return float(
        st.select_slider(
            plain(text),
            options,
            key=key,
            format_func=names.__getitem__,
            on_change=side.here(lambda: state.choose("time", f"{st.session_state[key]:.6g}")),
        )
    )


def outline_words(view: str, points: Any, without: str, info: DatasetInfo | None = None) -> None:
    """The outline drawn on a view, in words, with a button that removes it. without: what to say where there is none;
    info: of the data set that outlines are saved in, under a name"""
    row = "cell" if info is None else selectors.row_word(info)
    found = state.outline(view)
    if not found:
        st.caption(without)
    if info is not None:
        saved_selections.show(info, view)
    if not found:
        return
    count = cell_selection.inside(points, found)
    if not count:
        st.warning(f"There is no {row} inside the outline: draw a wider one.", icon=":material/gesture:")
    else:
        st.caption(f":material/gesture: {counted(count, row)} outlined.")
    clear = side.here(lambda: state.choose("outline"))
    st.button("Clear selection", key=side.key("clear_selection"), on_click=clear, type="tertiary")


def texts(page: str, title: str = "What am I looking at?", narrow: bool = False) -> None:
    """The three short texts of a view or a step, folded; one behind the other where there is little room."""
    with st.expander(title, icon=":material/menu_book:", key=side.key(f"texts_{page}")):
        headed = three_texts(page)
        if narrow or sides.places():
            for tab, text in zip(st.tabs(list(headed)), headed.values(), strict=True):
                tab.markdown(text)
            return
        for column, (heading, text) in zip(st.columns(len(headed), gap="large"), headed.items(), strict=True):
            column.markdown(f"**{heading}**\n\n{text}")


def roll_out(run_id: str, info: DatasetInfo, view: str) -> TimeCourse | None:
    """The roll-out from the first time beside the measured cells, which what this view shows rests on; None where there
    is one measured time only."""
    if DataRequirement.TIMES not in info.has:
        return None
    asked = analysis_pool.submit_analysis("course", run_id, view=view)
    return background.result_of(asked, "Checking the roll-out against the measured cells")


def show_summary(summary: Summary, key: str = "headline") -> None:
    """The answer, its first sentence as a heading, and below it how far it can be trusted: the first sentence of that
    stands, the others are one click away, unless they warn. key: another one for each of a page."""
    with st.container(key=side.key(key), gap="xsmall"):
        answer, detail = _first_sentence(summary.answer)
        st.markdown(f"## {plain(answer)}")
        if detail:
            st.markdown(plain(detail))
        if summary.trust == "poor":
            st.warning(plain(summary.why), icon=":material/warning:")
            return
        icon = ":green[:material/verified:]" if summary.trust == "good" else ":material/info:"
        first, rest = _first_sentence(summary.why)
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"{icon} {plain(first)}", width="content")
            if rest:
                with st.popover("How far to trust it", type="tertiary"):
                    st.markdown(plain(rest))


def _first_sentence(text: str) -> tuple[str, str]:
    """A text as its first sentence and the rest; sentences begin with a capital letter after a full stop."""
    first, *rest = re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)
    return first, "".join(rest)


def notes(found: Sequence[str]) -> None:
    """What a reader must know of a picture: the first stands beside it, the others are folded."""
    if not found:
        return
    first, *rest = found
    st.caption(plain(first))
    if rest:
        with st.expander(counted(len(rest), "more note"), icon=":material/notes:"):
            st.markdown("\n".join(f"- {plain(each)}" for each in rest))


def numbers(figure: Any, rows: Mapping[str, Sequence[Any]], name: str, key: str, title: str = "Data table") -> None:
    """A table of the numbers, folded, with the downloads of figure and table."""
    with st.expander(title, icon=":material/table_rows:", key=side.key(f"{key}_numbers")):
        st.dataframe(rows, hide_index=True, key=side.key(f"{key}_table"))
        chart.downloads(figure, rows, name, key)
