"""The genes of a network found among those of a data set, with a report: never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellflow_core.data.networks.edge_table import of_edges
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.plural import counted

Array = np.ndarray
_VERSION = re.compile(r"(ENS[A-Z]*G\d{11})\.\d+")


@dataclass(frozen=True)
class MatchedNetwork:
    """The edges whose two genes are in the data set, under the names of the data set, and what to say of the others."""

    network: PriorNetwork
    report: str


def match(
    network: PriorNetwork, genes: Sequence[str], ids: Mapping[str, str] | None = None, ignore_case: bool = False
) -> MatchedNetwork:
    """Find the genes by symbol, or by accession id with or without its version.

    ids          accession id of each gene that has one
    ignore_case  whether names that differ in upper and lower case alone are the same gene, as of mouse and human
    Raises ValueError, with a sentence, where no edge is left.
    """
    named = np.unique([*network.source.tolist(), *network.target.tolist()]).tolist()
    found = matching_names(named, genes, ids or {}, ignore_case)
    source, target = ([found.get(each, "") for each in ends.tolist()] for ends in (network.source, network.target))
    table = of_edges(source, target, network.weight.tolist())
    if not len(table.source):
        raise ValueError(_nothing(network, genes, ids or {}, len(found), ignore_case))
    report = (
        f"{len(table.source):,} of {len(network.source):,} edges of {network.name} join two genes of these cells: "
        f"{counted(len(np.unique(table.source)), 'regulator')} and {counted(len(np.unique(table.target)), 'target')}. "
        f"{len(found):,} of its {len(named):,} genes are among the {len(genes):,} genes here"
    )
    if ignore_case:
        exact = len(matching_names(named, genes, ids or {}, ignore_case=False))
        report += (
            f", {len(found) - exact:,} of them only without regard to upper and lower case: genes with other names in "
            "the other species are lost, and namesakes need not be orthologues"
        )
    return MatchedNetwork(PriorNetwork(network.name, table.source, table.target, table.weight), f"{report}.")


def matching_names(
    named: Sequence[str], genes: Sequence[str], ids: Mapping[str, str], ignore_case: bool
) -> dict[str, str]:
    """Name asked for -> name in the data set, of those that are there: by symbol, or by accession id with or without
    its version; with `ignore_case` also where upper and lower case alone differ and no two genes are meant."""
    known = {_unversioned(accession): gene for gene, accession in ids.items() if accession}
    known |= {_unversioned(gene): gene for gene in genes}
    found = {each: known[_unversioned(each)] for each in named if _unversioned(each) in known}
    if ignore_case:
        folded: dict[str, list[str]] = {}
        for gene in genes:
            folded.setdefault(gene.casefold(), []).append(gene)
        for each in named:
            alike = folded.get(each.casefold(), [])
            if each not in found and len(alike) == 1:
                found[each] = alike[0]
    return found


def _unversioned(name: str) -> str:
    return _VERSION.sub(r"\1", name)


def _nothing(network: PriorNetwork, genes: Sequence[str], ids: Mapping[str, str], found: int, ignore_case: bool) -> str:
    """Why no edge is left, and what to do."""
    there = f"no edge of {network.name} joins two of the {len(genes):,} genes of these cells"
    example = f"the network has names such as {str(network.source[0])!r}, the cells such as {str(genes[0])!r}"
    if not ignore_case:
        named = np.unique([*network.source.tolist(), *network.target.tolist()]).tolist()
        more = len(matching_names(named, genes, ids, ignore_case=True))
        if more > found:
            return (
                f"{there}; {counted(more, 'gene')} would match without regard to upper and lower case, as where a "
                "network of human genes is used for mouse cells: choose so if that is meant"
            )
    return f"{there} ({example}): take a network of the same species and kind of names, or more genes as axes"
