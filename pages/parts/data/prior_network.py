"""Which network a data set is given: those that are kept, and the doors by which further ones come in."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.config import Setting
from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from cellflow_core.data.networks import library
from cellflow_core.data.networks.library import AboutNetwork
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.contract import HasNetwork
from cellflow_core.data.steps.network import TRUE_NETWORK
from cellflow_core.jobs import sandbox
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import as_sentence, plain
from pages.parts.widgets.background import result_of, shared
from pages.parts.widgets.form import form_of

_ADD = "cellflow_core.data.download.networks"
_ADDED = "network_added"
_ROWS = {"": "No square", "targets": "Targets", "sources": "Regulators"}


def form(info: store.DatasetInfo, settings: dict[str, Setting], shown: str) -> dict[str, Any] | None:
    """The chosen network and how its genes are matched, None where there is none yet."""
    if not info.genes:
        st.info("These cells have no genes that a network could join.", icon=":material/info:")
        return None
    about = {each.name: each for each in library.kept()}
    own = bool(info.truth) and issubclass(simulators.find(info.truth), HasNetwork)
    names = [*([TRUE_NETWORK] if own else []), *about]
    added = st.session_state.get(_ADDED)
    chosen = st.selectbox(
        "Network",
        names,
        index=names.index(added) if added in names else 0 if names else None,
        key=f"network_{info.id}_{len(names)}",  # another list starts afresh, with what was just added
        placeholder="No network was added yet",
        disabled=not names,
        format_func=lambda each: _label(about[each]) if each in about else each[:1].upper() + each[1:],
    )
    if chosen in about:
        _describe(about[chosen])
    _doors(info, expanded=not names)
    values = form_of([settings["names"]], {}, f"network_names_{info.id}")
    return {"network": chosen, **values} if chosen else None


def _label(each: AboutNetwork) -> str:
    return f"{each.name} ({counted(each.edges, 'edge')}{', signed' if each.signed else ''})"


def _describe(each: AboutNetwork) -> None:
    facts = (
        f"{counted(each.regulators, 'regulator')}, {counted(each.targets, 'target')}",
        f"organism: {each.organism or 'not said'}",
        f"licence: {each.licence or 'not known'}",
        f"from {each.source}",
    )
    st.caption(plain(as_sentence("; ".join(facts))) + "".join(f"  \n{plain(note)}" for note in each.notes))


def _doors(info: store.DatasetInfo, expanded: bool) -> None:
    """A table of one's own, or CollecTRI from where its authors keep it."""
    with st.expander("Add a network", icon=":material/add:", expanded=expanded):
        st.markdown(
            "A table with a line an edge: **source**, **target** and, where known, a **sign** or **weight**; or a "
            "square of genes. Whoever runs the app can add those of OmniPath with `make networks`."
        )
        file = st.file_uploader("Table", type=["csv", "tsv", "txt", "gz"], key=f"network_file_{info.id}")
        organism = st.text_input("Organism (optional)", key=f"network_organism_{info.id}").strip()
        rows = st.segmented_control(
            "Rows of a square are",
            list(_ROWS),
            default="",
            format_func=_ROWS.__getitem__,
            key=f"network_rows_{info.id}",
            help="A square of genes does not say who acts on whom.",
        )
        if file is not None and st.button("Keep this network", key="network_keep", icon=":material/save:"):
            id = uploads.save_upload(file, file.name)
            _added(f"network-{id}", "add_upload", "Reading the network", id, rows or "", organism)
        if st.button(
            "Fetch CollecTRI (human, signed, 4 MB, CC BY 4.0)", key="network_fetch", icon=":material/download:"
        ):
            _added("network-collectri", "fetch_collectri", "Fetching CollecTRI")


def _added(key: str, function: str, text: str, *args: Any) -> None:
    about = result_of(shared(key, lambda: sandbox.run_isolated(f"{_ADD}:{function}", *args)), text)
    st.session_state[_ADDED] = about.name
    st.rerun()
