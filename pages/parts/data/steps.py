"""Going on from a data set: a step, its settings, and the new data set that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.config import Setting
from cellflow_core.data import store
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.steps import registry
from cellflow_core.jobs import sandbox
from cellflow_core.math.polygon import format_polygon, in_polygon
from cellflow_core.plural import counted
from cellflow_core.progress import Stages
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.texts import has_texts
from cellflow_core.time_units import days_in, format_time
from cellflow_core.workspace import current
from pages.parts.data import prior_network
from pages.parts.views import cell_selection, gene_search, view
from pages.parts.widgets import selectors, state
from pages.parts.widgets.background import pending, result_of, shared
from pages.parts.widgets.form import blocked, form_of

Values = dict[str, Any]
ORDER = ("subset", "clusters", "named-cells", "pseudotime", "growth", "moments", "labelled", "velocity", "network")
ANCHOR = "go-on"
CHANGES = "A step that changes {}s makes a new data set; this one stays as it is. Groups are added to this one."


def show(info: store.DatasetInfo, shown: str) -> None:
    """The choice of a step and its form. `shown`: the view whose picture is on the page."""
    st.header("Process this data set", anchor=ANCHOR)
    names = sorted(registry.names(), key=lambda each: (ORDER.index(each) if each in ORDER else 99, each))
    _resume_running_steps(info, names)
    kinds = {each: registry.find(each) for each in names}
    name = st.selectbox(
        "Next step",
        names,
        index=names.index("pseudotime") if DataRequirement.TIMES not in info.has else None,
        key=f"next_step_{info.id}",
        placeholder="Choose what to do",
        format_func=lambda each: kinds[each].title,
    )
    st.caption(kinds[name].summary if name else CHANGES.format(selectors.row_word(info)))
    if name is None:
        return
    with st.container(border=True, key="step_form"):
        settings = {each.name: each for each in kinds[name].Config.settings()}
        values = _FORMS.get(name, _any_form)(info, settings, shown)
        wrong = blocked(list(settings.values()), values or {})
        if values is not None and st.button(
            kinds[name].title, key="step_start", type="primary", icon=":material/play_arrow:", disabled=wrong
        ):
            _finish(info, name, values)
    if has_texts(name):
        view.texts(name, "When is this meaningful?", narrow=True)


def _resume_running_steps(info: store.DatasetInfo, names: Iterable[str]) -> None:
    for name in names:
        if pending(_job(info, name)) is not None:
            _finish(info, name, {})


def _finish(info: store.DatasetInfo, name: str, values: Values) -> None:
    """Take the step in a process of its own, wait, and go to what it made."""
    stages = Stages(current().uploads / f"{_job(info, name)}.txt")

    def ask() -> Any:
        stages.clear()
        return sandbox.run_isolated("cellflow_core.data.steps.derive:derive", info.id, name, values, on_progress=stages)

    made = result_of(shared(_job(info, name), ask), registry.find(name).title, stages)
    stages.clear()
    st.query_params.clear()
    st.query_params["dataset"] = made
    added = made == info.id
    st.toast(
        f"The annotations were added to these {selectors.row_word(info)}s; models trained on them stay."
        if added
        else "A new data set was made; the one before stays in the list.",
        icon=":material/check:",
    )
    st.rerun()


def _job(info: store.DatasetInfo, name: str) -> str:
    return f"step-{info.id}-{name}"


def _any_form(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    return form_of(list(settings.values()), {}, f"step_{info.id}")


def _some(settings: dict[str, Setting], names: Iterable[str], key: str) -> Values:
    return form_of([settings[each] for each in names], {}, key)


def _subset(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    choices = {"label": "By group", "outline": "By outline", "time": "By time"}
    if not info.annotations:
        del choices["label"]
    if DataRequirement.TIMES not in info.has:
        del choices["time"]
    by = _choice(f"Choose {selectors.row_word(info)}s", choices, f"subset_by_{info.id}")
    chosen: Values | None
    if by == "time":
        first, last = st.select_slider(
            f"Times{f' ({plain(info.time_unit)})' if info.time_unit else ''}",
            info.times,
            (info.times[0], info.times[-1]),
            format_func=format_time,
            key=f"subset_times_{info.id}",
        )
        chosen = {"first": float(first), "last": float(last)}
    else:
        chosen = _by_label(info, "subset", several=True) if by == "label" else _by_outline(info, shown)
    keep = _choice("Then", {"chosen": "Keep these", "others": "Keep all others"}, f"subset_keep_{info.id}")
    if chosen is None:
        return None
    values = {"by": by, "keep": keep, **chosen}
    _count(info, values)
    return values


def _count(info: store.DatasetInfo, values: Values) -> None:
    """How many cells would stay, before anything is done."""
    data = store.open_dataset(info.id)
    snapshots = data.snapshots()
    if values["by"] == "time":
        mask = (snapshots.t >= values["first"]) & (snapshots.t <= values["last"])
    elif values["by"] == "label":
        mask = np.isin(np.asarray(snapshots.labels[values["label"]]), values["values"].split("\n"))
    else:
        mask = in_polygon(data.embedding(values["view"]), np.array(state.outline(values["view"])))
    stay = int(mask.sum()) if values["keep"] == "chosen" else int((~mask).sum())
    st.caption(f"**{stay:,}** of {counted(info.cells, selectors.row_word(info))} would stay.")


def _pseudotime(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    choices = {"label": "Group", "outline": "Outline", "gene": "Marker gene"}
    if not info.annotations:
        del choices["label"]
    if not info.genes:
        del choices["gene"]
    root = _choice("Where does the order begin?", choices, f"root_{info.id}")
    found: Values | None
    if root == "label":
        found = _by_label(info, "root", several=False)
    elif root == "outline":
        found = _by_outline(info, shown)
    else:
        data = cell_selection.dataset(info.id)
        gene = st.selectbox(
            "Marker gene of the earliest cells",
            data.genes,
            format_func=gene_search.shown(data),
            index=None,
            key=f"root_gene_{info.id}",
            placeholder="Search",
            help="The order begins at the cell that expresses it most, smoothed over its neighbours.",
        )
        found = {"gene": gene} if gene else None
    form = _some(settings, ("method", "windows"), f"order_{info.id}")
    with st.popover("More settings", icon=":material/tune:"):
        form |= _some(settings, ("waypoints", "seed"), f"order_more_{info.id}")
    if found is None:
        st.caption("Choose the beginning first: it decides the direction of the order.")
        return None
    return {"root": root, **found, **form}


def _named_cells(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    choices = {"outline": "By outline", "gene": "By marker gene"} if info.genes else {"outline": "By outline"}
    by = _choice(f"Choose {selectors.row_word(info)}s", choices, f"named_by_{info.id}")
    found: Values | None
    if by == "outline":
        found = _by_outline(info, shown)
    else:
        data = cell_selection.dataset(info.id)
        gene = st.selectbox(
            "Marker gene",
            data.genes,
            index=None,
            format_func=gene_search.shown(data),
            key=f"named_gene_{info.id}",
            placeholder="Search",
        )
        found = {"gene": gene, **_some(settings, ("share",), f"named_share_{info.id}")} if gene else None
    form = _some(settings, ("value", "name"), f"named_{info.id}")
    return None if found is None else {"by": by, **found, **form}


def _growth(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    genes, numbers, days = (settings[each] for each in ("from_genes", "use_cell_counts_as_mass", "days_per_unit"))
    values: Values = {
        "from_genes": st.toggle(
            "Guess growth from genes", bool(info.genes), key=f"growth_genes_{info.id}", help=genes.help
        ),
        "use_cell_counts_as_mass": st.toggle(
            "Cell numbers mean something", False, key=f"growth_numbers_{info.id}", help=numbers.help
        ),
    }
    if values["use_cell_counts_as_mass"]:
        listed = ", ".join(f"{each:,}" for each in info.counts)
        st.warning(
            f"Models will take {listed} cells as the sizes of the population. That is right only if the experiment "
            "counted them; most load as many cells as they like.",
            icon=":material/warning:",
        )
    if values["from_genes"] and days_in(info.time_unit) is None:
        values |= form_of([days], {"days_per_unit": 1.0}, f"growth_days_{info.id}")
    return values if values["from_genes"] or values["use_cell_counts_as_mass"] else None


def _moments(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    if not {"spliced", "unspliced"} <= set(info.layers):
        st.info(
            "These cells have no spliced and unspliced counts. velocyto, STARsolo Velocyto, alevin-fry USA and "
            "kallisto nac count them.",
            icon=":material/info:",
        )
        return None
    key = f"moments_{info.id}"
    values = _some(settings, ("neighbors", "neighbors_in"), key)
    with st.popover("More settings", icon=":material/tune:"):
        return values | _some(settings, [each for each in settings if each not in values], f"{key}_more")


def _labelled(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    if "new" not in info.layers or not {"total", "old"} & set(info.layers):
        st.info(
            "These cells have no layers of new and total RNA (new with total or old, labeled with unlabeled).",
            icon=":material/info:",
        )
        return None
    key = f"labelled_{info.id}"
    values = _some(settings, ("pulse", "efficiency"), key)
    with st.popover("More settings", icon=":material/tune:"):
        return values | _some(settings, [each for each in settings if each not in values], f"{key}_more")


def _velocity(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> Values | None:
    if "velocity" not in info.layers:
        st.info(
            "The file of these cells had no layer with a velocity of each gene. That of a trained model is used on the "
            "page Velocity. A velocity in coordinates of the file is kept when these are chosen as axes at the import.",
            icon=":material/info:",
        )
        return None
    return _some(settings, ("units",), f"velocity_{info.id}")


def _by_label(info: store.DatasetInfo, key: str, several: bool) -> Values | None:
    left, right = st.columns(2)
    label = left.selectbox("Annotation", info.annotations, key=f"{key}_label_{info.id}")
    groups = np.unique(cell_selection.dataset(info.id).snapshots().labels[label]).astype(str).tolist()  # "nan" too
    where = f"{key}_group_{info.id}_{label}"
    if several:
        chosen = right.multiselect("Groups", groups, key=where, placeholder="Choose")
    else:
        one = right.selectbox("Earliest group", groups, index=None, key=where, placeholder="Choose")
        chosen = [one] if one else []
    return {"label": label, "values": "\n".join(chosen)} if chosen else None


def _by_outline(info: store.DatasetInfo, shown: str) -> Values | None:
    polygon = state.outline(shown)
    if not polygon:
        st.info(f"Draw around the {selectors.row_word(info)}s in the picture above.", icon=":material/gesture:")
        return None
    count = cell_selection.inside(cell_selection.dataset(info.id).embedding(shown), polygon)
    row = selectors.row_word(info)
    words = counted(count, f"{row} is", f"{row}s are")
    st.caption(f":material/gesture: {words} outlined on the {plain(shown.upper())} picture above.")
    return {"outline": format_polygon(polygon), "view": shown} if count else None


def _choice(label: str, choices: dict[str, str], key: str) -> str:
    chosen = st.segmented_control(
        label, list(choices), default=next(iter(choices)), format_func=choices.__getitem__, key=key, required=True
    )
    return str(chosen or next(iter(choices)))


_FORMS: dict[str, Callable[[store.DatasetInfo, dict[str, Setting], str], Values | None]] = {
    "subset": _subset,
    "pseudotime": _pseudotime,
    "named-cells": _named_cells,
    "growth": _growth,
    "moments": _moments,
    "labelled": _labelled,
    "velocity": _velocity,
    "network": prior_network.form,
}
