"""The true answer beside the model's, for data that were simulated by a process we know."""

from __future__ import annotations

import json

import streamlit as st

from cellflow_core.analysis.results import Perturbation
from cellflow_core.data.simulators import registry
from cellflow_core.data.simulators.contract import HasFates
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import perturbation_summaries
from pages.parts.widgets import side
from pages.parts.widgets.background import cached_future, result_of

Shares = dict[str, float]
_PATH = "cellflow_core.data.simulators.registry:fate_shares"


def shares(info: DatasetInfo, result: Perturbation) -> tuple[Shares, Shares] | None:
    """True share of each fate without and with the change, from all cells of the first time; None where not known.

    The true circuits are asked with a gene held at a level; what a shift of the start cells or an edge that is cut
    does is not known.
    """
    if result.kind in ("shift", "edges") or not registry.knows_of(info.truth, HasFates):
        return None
    settings = dict(info.truth_settings)
    made_by = f"truth-{info.truth}-{json.dumps(settings, sort_keys=True)}"
    clamp = dict(zip(result.genes, result.levels, strict=True))
    before = cached_future(made_by, lambda: analysis_pool.call(_PATH, info.truth, settings))
    after = cached_future(
        f"{made_by}-{json.dumps(clamp)}", lambda: analysis_pool.call(_PATH, info.truth, settings, clamp)
    )
    return result_of(before, "Simulating the true process"), result_of(after, "Simulating the true process")


def show(result: Perturbation, known: tuple[Shares, Shares] | None) -> None:
    """The truth beside what the model says."""
    if known is None:
        return
    with st.container(border=True, key=side.key("truth")):
        st.markdown(f":material/school: **The true answer.** {perturbation_summaries.of_truth(result, *known)}")
