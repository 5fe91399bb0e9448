"""Names of genes: symbols beside accession ids, prefixes of genomes, spellings of R, and mitochondrial genes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellflow_core.data.readers.table import names_of, printable

SYMBOL_COLUMNS = (
    "featurename",
    "genesymbols",
    "genesymbol",
    "symbol",
    "symbols",
    "genename",
    "genenames",
    "geneshortname",
    "hgncsymbol",
    "mgisymbol",
    "externalgenename",
    "originalgenesymbols",
    "varnames",
    "name",
    "names",
    "gene",
    "genes",
)
"""Columns of symbols, the likeliest first, in letters alone: `feature_name` of cellxgene, `gene_symbols` of scanpy."""
_ACCESSION = re.compile(
    r"ENS[A-Z]{0,6}[GT]\d{6,}(?:\.\d+)?|FBgn\d{7}|WBGene\d{8}|ZDB-GENE-[\d-]+|MGI:\d+|RGD:?\d+|HGNC:\d+|"
    r"AT[1-5MC]G\d{5}(?:\.\d+)?|(?:LOC|NCBIGene:?|GeneID:?)?\d+|Y[A-P][LR]\d{3}[WC](?:-[A-Z])?|[NX][MR]_\d+(?:\.\d+)?|"
    r"gene[:_-]\S+",
    re.I,
)
"""Ensembl, FlyBase, WormBase, ZFIN, MGI, RGD, HGNC, TAIR, Entrez, SGD and RefSeq."""
_GENOME = re.compile(
    r"((?:GRC[hmz]\d+|hg\d+|mm\d+|rn\d+|dm\d+|ce\d+|danRer\d+|sacCer\d+|WBcel\d+|BDGP\d+|mRatBN\d*|Rnor|TAIR\d+|GRCg\w+|"
    r"galGal\d+|susScr\d+|Mmul\w*|panTro\d+|refdata|premrna|human|mouse)(?:[._-](?:p\d+|premrna|\d+\.\d+|and\w+))*)"
    r"[_-]{1,8}(?=\w)",
    re.I,
)
"""What Cell Ranger writes before the genes of a reference of several genomes: GRCh38_, mm10___, hg19-."""
_JOINED = re.compile(r"(ENS[A-Z]{0,6}G\d{6,}(?:\.\d+)?)[_|;:-]+(\S+)|(\S+?)[_|;:-]+(ENS[A-Z]{0,6}G\d{6,}(?:\.\d+)?)")
_MITOCHONDRIAL = re.compile(
    r"mt[-:._](?!.*-ps\d*$).+"  # MT-ND1 (human), mt-Nd1 (mouse, fish), Mt-nd1 (rat), mt:ND1 (fly), MT.ND1 (R)
    r"|(?:nduo-[1-6]|ndfl-4|ctc-[1-3]|ctb-1|mtce\.\d+)"  # worm
    r"|Q0\d{3}|ATMG\d{5}"  # yeast, thale cress
    r"|ENSG000001(?:98888|98763|98804|98712|98899|98938|98840|98886|98786|98695|98727)(?:\.\d+)?"
    r"|ENSG00000(?:228253|212907|211459|210082)(?:\.\d+)?"
    r"|ENSMUSG000000(?:64341|64345|64351|64354|64356|64357|64358|64360|65947|64363|64367|64368|64370|64337|64339)(?:\.\d+)?",
    re.I,
)
"""Protein-coding and ribosomal genes of mitochondria; the last two lines are those of human and mouse by Ensembl id."""
_ENOUGH = 0.5


@dataclass(frozen=True)
class Features:
    """Names of the features of a matrix: symbols where there are any, their accession ids and kinds in the same order.

    ids    () where the file has none beside the names
    kinds  as 10x writes them ("Gene Expression"), () where the file does not say
    notes  what was done to the names
    """

    names: tuple[str, ...]
    ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def take(self, at: Iterable[int]) -> Features:
        """Those of these columns."""
        at = list(at)
        names, ids, kinds = (tuple(each[k] for k in at) if each else () for each in (self.names, self.ids, self.kinds))
        return Features(names, ids, kinds, self.notes)


_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_SPREADSHEET = re.compile(rf"\d{{1,2}}[-./ ](?:{_MONTHS})|(?:{_MONTHS})[-./ ]\d{{1,2}}|\d\.\d+E\+\d\d", re.I)


def features(index: Sequence[Any], columns: Mapping[str, Sequence[Any]] | None = None) -> Features:
    """Symbols and ids out of the names of the features and the text that stands beside them.

    index    names as the file has them
    columns  further columns of text by name, each as long as `index`; a column `feature_types` gives the kinds
    """
    names, columns = names_of(index), dict(columns or {})
    kinds = next((columns.pop(each) for each in ("feature_types", "feature_type") if each in columns), ())
    ids: tuple[str, ...] = ()
    notes: list[str] = []
    if _accessions(names):
        key = _symbol_column(columns)
        if key:
            ids = names
            names = tuple(own or id for own, id in zip(map(_text, columns[key]), ids, strict=True))
            notes.append(f"genes are named by the symbols of {key!r}; their accession ids are kept beside them")
    else:
        key = next((each for each, values in columns.items() if _accessions(tuple(map(_text, values)))), "")
        if key and not all(_text(each).isdigit() for each in columns[key]):
            ids = tuple(map(_text, columns[key]))
    names, ids, split = _split(names, ids)
    names, cut = _without_one_genome(names)
    return Features(names, ids, tuple(printable(str(each)) for each in kinds), (*notes, *split, *cut))


def unnamed(names: Sequence[str]) -> bool:
    """Are most names accession ids, by which no gene is found as people write it?"""
    lettered = [each for each in names if not each.isdigit()]
    return len(lettered) > _ENOUGH * len(names) and _accessions(lettered)


def of_spreadsheet(names: Sequence[str]) -> list[str]:
    """Names that a spreadsheet made of others: 1-Mar of MARCH1 (MARCHF1), 2.31E+19 of 2310009E13Rik."""
    return [each for each in names if _SPREADSHEET.fullmatch(each)]


def is_mitochondrial(name: str) -> bool:
    """Is this a gene of the mitochondrial genome, in the spelling of any species that is known here?"""
    return _MITOCHONDRIAL.fullmatch(without_genome(name)) is not None


def without_genome(name: str) -> str:
    """The name without the genome that stands before it."""
    return _GENOME.sub("", name, count=1) if _GENOME.match(name) else name


def spelling(name: str) -> str:
    """What is the same for all spellings of one gene: "GRCh38_NKX2.1", "nkx2-1" and "NKX2-1" are alike."""
    return without_genome(name).upper().replace(".", "-")


def lookup(names: Sequence[str]) -> dict[str, str]:
    """Spelling -> name as it stands in the data, the first of those that are spelt alike."""
    return {spelling(each): each for each in reversed(names)}


def _accessions(names: Sequence[str]) -> bool:
    return sum(_ACCESSION.fullmatch(without_genome(each)) is not None for each in names) > _ENOUGH * max(len(names), 1)


def _symbol_column(columns: Mapping[str, Sequence[Any]]) -> str:
    """The column that holds symbols: by its name, else by its values; "" where there is none."""
    plain = {re.sub(r"[^a-z]", "", each.lower()): each for each in reversed(list(columns))}
    listed = [plain[each] for each in SYMBOL_COLUMNS if each in plain]
    return next((each for each in (*listed, *columns) if _symbols(columns[each], each in listed)), "")


def _symbols(values: Sequence[Any], listed: bool) -> bool:
    """Are these names, of which most differ and few are accession ids?"""
    held = [each for each in map(_text, values) if each]
    if len(held) < _ENOUGH * len(values) or _accessions(held):
        return False
    names = sum(re.fullmatch(r"[A-Za-z0-9][\w.:()/-]{0,29}", each) is not None for each in held)
    return len(set(held)) > (0.5 if listed else 0.9) * len(held) and names > 0.9 * len(held)


def _split(names: tuple[str, ...], ids: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Names that are an id and a symbol in one, as ENSG00000102145_GATA1, in two."""
    found = [_JOINED.fullmatch(each) for each in names]
    if ids or sum(each is not None for each in found) <= 0.9 * max(len(names), 1):
        return names, ids, []
    parts = [
        (each[2] or each[3], each[1] or each[4]) if each else (name, "")
        for each, name in zip(found, names, strict=True)
    ]
    return tuple(a for a, _ in parts), tuple(b for _, b in parts), ["names of genes were split into symbol and id"]


def _without_one_genome(names: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Names without the prefix of the only genome; prefixes of several genomes stay, since they tell species apart."""
    genomes = Counter(found[1] for found in map(_GENOME.match, names) if found)
    if sum(genomes.values()) <= 0.9 * max(len(names), 1):
        return names, []
    if len(genomes) == 1:
        return tuple(map(without_genome, names)), [f"the genome {next(iter(genomes))} was taken off the names of genes"]
    shown = ", ".join(f"{each} ({count:,} genes)" for each, count in genomes.most_common())
    return names, [f"genes are of several genomes: {shown}; cells of one species are best imported by themselves"]


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "" if text.lower() in ("nan", "none", "na", "<na>", "") else printable(text)
