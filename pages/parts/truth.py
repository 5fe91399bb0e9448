"""The true answer beside the model's, for data that were simulated by a process we know."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import Perturbation
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import compute
from pages.parts import headline
from pages.parts.state import result_of, shared_forever

Shares = dict[str, float]
_SIMULATORS = {"toggle": "cellflow_core.data.simulators.toggle:fate_shares"}


def shares(info: DatasetInfo, result: Perturbation) -> tuple[Shares, Shares] | None:
    """True share of each fate without and with the change, from all cells of the first time; None where not known."""
    path = _SIMULATORS.get(info.truth)
    if path is None:
        return None
    key = f"truth-{info.truth}-{result.gene}-{result.level:g}"
    before = shared_forever(f"truth-{info.truth}", lambda: compute.call(path))
    after = shared_forever(key, lambda: compute.call(path, clamp={result.gene: result.level}))
    return result_of(before, "Simulating the true circuit"), result_of(after, "Simulating the true circuit")


def show(result: Perturbation, known: tuple[Shares, Shares] | None) -> None:
    """The truth beside what the model says."""
    if known is None:
        return
    with st.container(border=True, key="truth"):
        st.markdown(f":material/school: **The true answer.** {headline.of_truth(result, *known)}")
