"""Boxes in which a gene is found by its symbol, an earlier one, an alias or its accession id."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from cellflow_core.data import gene_aliases
from cellflow_core.data.networks.matching import matching_names
from cellflow_core.data.store import Dataset
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection
from pages.parts.widgets import side, state
from pages.parts.widgets.search_box import component as search_box

LISTED = 1_000
"""Genes up to which Streamlit's own box is quick."""
_NUMBERED = re.compile(r"\d+|(?:HGNC|MGI):\d+")
"""Numbers of databases: found when they are typed whole, and not shown."""
HELP = "Type to search, by name, accession id or, where a table of them is kept (cellflow gene-names), another name."


def shown(data: Dataset) -> Callable[[str], str]:
    """What a box shows of a gene: its name and all by which it can be found while typing."""
    texts = _shown(data)
    return lambda gene: texts.get(gene, gene)


def named(data: Dataset, asked: Sequence[str]) -> tuple[list[str], str]:
    """(the genes of the state that are meant, how names were read): by symbol whatever its case, accession id or
    another name that one gene alone has. A name that is none of them stays as it is, and so does an ambiguous one."""
    read, words = _read(data, asked, data.snapshots().space.genes)
    return list(dict.fromkeys(read.get(each, each) for each in asked)), words


def choice(data: Dataset, genes: tuple[str, ...], of: str = "this model") -> str:
    """One of these genes: that which all views share, where it is among them, else the first; a gene that is not is
    named, and so is how another name was read. of: what holds these genes."""
    asked = state.value("gene") or None
    words = ""
    if asked is not None and asked not in genes:
        read, words = _read(data, [asked], genes)
        asked = read.get(asked, asked)
    if asked is not None and asked not in genes:
        st.info(f"{plain(words or f'{asked} is not among the genes of {of}')}. Shown is {plain(genes[0])}.")
    elif words:
        st.caption(f":material/match_case: {plain(words)}")
    chosen = asked if asked in genes else genes[0]
    if len(genes) > LISTED:
        choose = partial(state.choose, "gene")
        search_box.draw("Gene", genes, [chosen], key="gene_searched", help=HELP, texts=_shown(data), choose=choose)
        return chosen
    key = side.key("gene_shown")
    if st.session_state.get(key) != chosen:  # a value that is set sends every gene to the browser again
        st.session_state[key] = chosen
    return str(
        st.selectbox(
            "Gene",
            genes,
            key=key,
            format_func=shown(data),
            on_change=side.here(lambda: state.choose("gene", st.session_state[key])),
            help=HELP,
        )
    )


def several(
    label: str,
    data: Dataset,
    genes: Sequence[str],
    chosen: Sequence[str],
    choose: Callable[..., object],
    *,
    name: str,
    most: int,
    help: str = HELP,
    free: bool = False,
) -> tuple[str, ...]:
    """Up to `most` of these genes, which may be many; `choose(*genes)` is called with others. free: see `draw`."""
    if len(genes) > LISTED:
        look: dict[str, Any] = {"key": f"{name}_searched", "help": help, "texts": _shown(data)}
        search_box.draw(label, genes, chosen, **look, choose=choose, most=most, free=free)
        return tuple(chosen)
    st.session_state[key := side.key(name)] = list(chosen)
    return tuple(
        st.multiselect(
            label,
            genes,
            key=key,
            on_change=side.here(lambda: choose(*st.session_state[key])),
            accept_new_options=free,
            format_func=shown(data),
            max_selections=most,
            placeholder="Type to search",
            help=help,
        )
    )


def several_kept(
    label: str, data: Dataset, genes: Sequence[str], usual: Sequence[str] = (), *, name: str, most: int
) -> tuple[str, ...]:
    """As `several`, of which the session keeps the choice under this name."""
    key, known = side.undone(name), set(genes)
    chosen = [each for each in st.session_state.get(key, usual) if each in known]
    return several(label, data, genes, chosen, partial(_keep, key), name=name, most=most)


def _keep(key: str, *genes: str) -> None:
    st.session_state[key] = list(genes)


def _read(data: Dataset, asked: Sequence[str], genes: Sequence[str]) -> tuple[dict[str, str], str]:
    """(name asked for -> gene, how each was read or whom it may mean)."""
    unknown = [each for each in asked if each not in genes]
    found = matching_names(unknown, genes, data.gene_ids, ignore_case=True)
    words = []
    for each in unknown:
        if each in found:
            continue
        held = set(genes)
        several = [gene for gene in gene_aliases.meant(each, _other(data)) if gene in held]
        if len(several) == 1:
            found[each] = several[0]
        elif several:
            words.append(f"{each} may be {' or '.join(several[:6])}: choose one")
    return found, ", ".join([*(f"{each} is read as {gene}" for each, gene in found.items()), *words])


def _shown(data: Dataset) -> Mapping[str, str]:
    return _texts(data.info.id, data.info.version, gene_aliases.version())


def _other(data: Dataset) -> Mapping[str, tuple[str, ...]]:
    return _other_names(data.info.id, data.info.version, gene_aliases.version())


@st.cache_resource(max_entries=6, show_spinner=False)
def _other_names(id: str, version: str, tables: str) -> dict[str, tuple[str, ...]]:
    data = cell_selection.dataset(id)
    return gene_aliases.other_names(data.genes, data.gene_ids, gene_aliases.kept())


@st.cache_resource(max_entries=6, show_spinner=False)
def _texts(id: str, version: str, tables: str) -> dict[str, str]:
    ids, other = cell_selection.dataset(id).gene_ids, _other_names(id, version, tables)
    found = {gene: [gene, accession] for gene, accession in ids.items() if accession and accession != gene}
    for gene, names in other.items():
        listed = ", ".join(each for each in names if not _NUMBERED.fullmatch(each))
        found.setdefault(gene, [gene]).append(listed)
    return {gene: " · ".join(filter(None, parts)) for gene, parts in found.items()}
