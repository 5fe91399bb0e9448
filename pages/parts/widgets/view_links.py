"""Which views a trained model can answer, and links to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from cellflow_core.config import MOVES_CELLS
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DamagedDatasetError, DatasetInfo, open_dataset
from cellflow_core.runs.run import Run
from pages.parts.widgets.background import catalogue
from pages.parts.widgets.selectors import VIEWS


class Needed(NamedTuple):
    """What a view needs: a model with one of these capabilities (() for any), that also tells what becomes of a cell
    where it follows cells, on data of this kind."""

    capabilities: tuple[str, ...] = ()
    follow: bool = False
    data: Callable[[DatasetInfo], bool] = lambda info: True


def _has(requirement: DataRequirement) -> Callable[[DatasetInfo], bool]:
    return lambda info: requirement in info.has


FATES = ("velocity", "drift", "potential", "coupling", "sampler", "transitions")
"""With one of these, a model counts what cells become."""
NEEDED: Mapping[str, Needed] = {
    "landscape": Needed(FATES, follow=True),
    "flow": Needed(("velocity", "drift", "coupling")),
    "velocity": Needed(("velocity",), data=_has(DataRequirement.MOMENTS)),
    "time": Needed((*sorted(MOVES_CELLS), "latent_time")),
    "fates": Needed((*FATES, "lineages"), follow=True),
    "genes": Needed(data=lambda info: info.genes > 0),
    "perturb": Needed(("velocity", "drift"), data=_has(DataRequirement.GENES)),
    "courses": Needed(("courses",)),
}


def answered(run: Run) -> tuple[str, ...]:
    """The pages of VIEWS that can show this run; none where its model or its data are gone."""
    card = catalogue().get(run.recipe.model)
    try:
        info = open_dataset(run.recipe.dataset).info
    except (KeyError, DamagedDatasetError):
        return ()
    if card is None:
        return ()
    has = card.capabilities_with(run.recipe.settings)
    return tuple(
        page
        for page, needed in ((each, NEEDED[each.removesuffix(".py")]) for each in VIEWS)
        if (not needed.capabilities or has & set(needed.capabilities))
        and (card.tracks_cells or not needed.follow)
        and needed.data(info)
    )


def links_to(run: Run) -> None:
    """Links to the views that can show a run."""
    with st.container(horizontal=True, key=f"views_{run.id}"):
        for page in answered(run):
            name, icon = VIEWS[page]
            st.page_link(page, label=name, icon=icon, query_params={"run": run.id})
