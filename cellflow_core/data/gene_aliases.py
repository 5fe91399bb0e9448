"""Other names of genes: earlier symbols, aliases and accession ids, of tables that are kept once for a workspace."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from cellflow_core import atomic_write
from cellflow_core.workspace import Workspace, current

ENOUGH = 0.3
"""Share of the genes of a data set that a table must know by their symbol or accession id to be of their organism."""
_VERSION = re.compile(r"(ENS[A-Z]*G\d{11})\.\d+")


@dataclass(frozen=True, eq=False)
class AliasTable:
    """Names of the genes of one organism.

    genes   for each gene its approved symbol, then every other name of it
    source  file or address that it came from, with its checksum
    """

    organism: str
    source: str
    licence: str
    genes: tuple[tuple[str, ...], ...]


def keep(table: AliasTable, workspace: Workspace | None = None) -> AliasTable:
    """Keep a table for everyone, in place of one of the same organism."""
    path = current(workspace).gene_names / f"{table.organism}.json"
    atomic_write.write_text(path, json.dumps(asdict(table)))
    return table


def kept(workspace: Workspace | None = None) -> tuple[AliasTable, ...]:
    """Every table that there is, by organism."""
    return tuple(_read(each, each.stat().st_mtime_ns) for each in _files(workspace))


def version(workspace: Workspace | None = None) -> str:
    """Changes with the tables that are kept: the key of what is cached."""
    return " ".join(f"{each.stem}{each.stat().st_mtime_ns}" for each in _files(workspace))


def other_names(
    genes: Sequence[str], ids: Mapping[str, str], tables: Sequence[AliasTable]
) -> dict[str, tuple[str, ...]]:
    """Names beside its own of each of these genes that has any, by the table that knows most of them.

    A gene is found in the table by its symbol as it is written, its accession id, or an earlier symbol or alias that
    no other gene has. ids: accession ids of the genes that have one.
    """
    best = max(tables, key=lambda each: _known(genes, ids, each), default=None)
    if best is None or _known(genes, ids, best) < ENOUGH * len(genes):
        return {}
    found = {}
    for gene in genes:
        row = _row(gene, ids.get(gene, ""), best)
        if row is not None:
            own = (gene, _unversioned(gene), _unversioned(ids.get(gene, "")))
            found[gene] = tuple(each for each in best.genes[row] if each not in own)
    return {gene: names for gene, names in found.items() if names}


def meant(asked: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """The genes that have this other name, as it is written, else whatever the case; several where it is ambiguous."""
    found = [gene for gene, held in names.items() if asked in held]
    folded = asked.casefold()
    return found or [gene for gene, held in names.items() if folded in map(str.casefold, held)]


def _known(genes: Sequence[str], ids: Mapping[str, str], table: AliasTable) -> int:
    return sum(_row(each, ids.get(each, ""), table) is not None for each in genes)


def _row(gene: str, accession: str, table: AliasTable) -> int | None:
    """Which gene of the table it is: by its symbol, else by its accession id or another name that no other gene has."""
    approved, other = _rows(table)
    if gene in approved:
        return approved[gene]
    rows = (other.get(_unversioned(each), []) for each in (accession, gene))
    return next((found[0] for found in rows if len(found) == 1), None)


def _unversioned(name: str) -> str:
    return _VERSION.sub(r"\1", name)


def _files(workspace: Workspace | None) -> list[Path]:
    return sorted(current(workspace).gene_names.glob("[!.]*.json"))


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> AliasTable:
    """`changed`: when the file was written, so that another one is read anew."""
    held = json.loads(path.read_text(encoding="utf-8"))
    return AliasTable(held["organism"], held["source"], held["licence"], tuple(map(tuple, held["genes"])))


@lru_cache(maxsize=4)
def _rows(table: AliasTable) -> tuple[dict[str, int], dict[str, list[int]]]:
    """(approved symbol -> row, any other name -> rows)."""
    other: dict[str, list[int]] = {}
    for row, (_, *names) in enumerate(table.genes):
        for each in dict.fromkeys(names):
            other.setdefault(each, []).append(row)
    counts = Counter(symbol for symbol, *_ in table.genes)
    return {each[0]: row for row, each in enumerate(table.genes) if counts[each[0]] == 1}, other
