"""Boxes in which a gene is found by its symbol, an earlier one, an alias or its accession id."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

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
NAMED = 12
"""Names that a sentence lists."""
_BETWEEN = re.compile(r"[\s,;|、\"'“”‘’\[\]()]+")
_NUMBERED = re.compile(r"\d+|(?:HGNC|MGI):\d+")
"""Numbers of databases: found when they are typed whole, and not shown."""
HELP = "Type to search, by name, accession id or, where a table of them is kept (cellflow gene-names), another name."
SEVERAL = f"{HELP} A list can be pasted."


def shown(data: Dataset) -> Callable[[str], str]:
    """What a box shows of a gene: its name and all by which it can be found while typing."""
    texts = _shown(data)
    return lambda gene: texts.get(gene, gene)


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
    *,
    name: str,
    most: int,
    usual: Sequence[str] = (),
    of: str = "this model",
    help: str = SEVERAL,
) -> tuple[str, ...]:
    """Up to `most` of these genes, as the link has them under `name`; how other names were read is said, and so are
    those that are none of them. usual: what is chosen before anybody chose. of: what holds these genes."""
    proposed = not state.values(name)
    asked = usual if proposed else [each for each in state.values(name) if each]
    read, words = _read(data, asked, genes)
    known = set(genes)
    chosen = list(dict.fromkeys(read.get(each, each) for each in asked))
    meant = [each for each in chosen if each in known]
    absent = [each for each in chosen if each not in known]
    search_box.draw(
        label,
        genes,
        [*meant[:most], *absent],
        key=f"{name}_several",
        help=help,
        texts=_shown(data),
        choose=partial(_choose, data, genes, name),
        most=most,
        proposed=proposed,
    )
    if words:
        st.caption(f":material/match_case: {plain(words)}")
    if absent:
        few = f"{', '.join(absent[:NAMED])}{f' and {len(absent) - NAMED:,} more' if len(absent) > NAMED else ''}"
        verb = "is" if len(absent) == 1 else "are"
        st.warning(f"{plain(few)} {verb} not among the {len(genes):,} genes of {of}.", icon=":material/warning:")
    if len(meant) > most:
        st.warning(
            f"At most {most} genes are taken: the first {most} of these {len(meant):,}.", icon=":material/warning:"
        )
    return tuple(meant[:most])


def _choose(data: Dataset, genes: Sequence[str], name: str, *asked: str) -> None:
    """Nothing chosen is a choice, too: the link then holds an empty name."""
    state.choose(name, *(_pieces(data, genes, asked) or ("",)))


def _pieces(data: Dataset, genes: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The names in what was typed: a text that is no name is a list of them, however it is separated."""
    whole = {*genes, *_read(data, asked, genes)[0]}
    parts = ([each] if each in whole else filter(None, _BETWEEN.split(each)) for each in asked)
    return list(dict.fromkeys(piece for each in parts for piece in each))


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
