"""Tables of edges as databases and benchmarks write them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.data.networks import edge_table
from cellflow_core.data.networks.edge_table import OrientationNeededError
from cellflow_core.data.readers.table import InvalidInputError
from tests.conftest import SHARED


def edges(path: Path, **about: object) -> dict[tuple[str, str], float]:
    found = edge_table.read(path, path.name, **about)  # type: ignore[arg-type]
    return dict(zip(zip(found.source.tolist(), found.target.tolist(), strict=True), found.weight.tolist(), strict=True))


def written(folder: Path, text: str, name: str = "edges.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source,target,weight,PMID\nMYC,TERT,1,1;2\nSPI1,BGLAP,-1,3\n", {("MYC", "TERT"): 1, ("SPI1", "BGLAP"): -1}),
        ("Gene1,Gene2,Type\nSOX9,AMH,+\nGATA4,AMH,-\n", {("SOX9", "AMH"): 1, ("GATA4", "AMH"): -1}),
        ("ELF3\tJUN\t14\t93\nPARP1\tEGR1\t30\t29\nPARP1\tELF3\t30\t14\n",
         {("ELF3", "JUN"): 1, ("PARP1", "EGR1"): 1, ("PARP1", "ELF3"): 1}),
        (",tf.name,target.gene.name,score,k\n7,KLF13,PHF13,0.5,a_b\n", {("KLF13", "PHF13"): 0.5}),
        ("from;to;effect\nA;B;activation\nB;A;repression\n", {("A", "B"): 1, ("B", "A"): -1}),
        ("source,target,is_stimulation,is_inhibition\nA,B,True,False\nA,C,False,True\nB,C,True,True\n",
         {("A", "B"): 1, ("A", "C"): -1, ("B", "C"): 1}),
    ],
)  # fmt: skip
def test_a_line_an_edge(tmp_path: Path, text: str, expected: dict[tuple[str, str], float]) -> None:
    assert edges(written(tmp_path, text)) == expected


def test_the_strongest_of_a_repeated_edge_counts_and_that_is_said(tmp_path: Path) -> None:
    found = edge_table.read(written(tmp_path, "source,target,weight\nA,B,1\nA,B,-3\nB,A,0\n"), "n")
    assert found.weight.tolist() == [-3] and found.notes == ("1 edge listed more than once: the strongest counts.",)


SQUARE = "gene,A,B,C\nA,0,1,0\nB,0,0,0\nC,-2,0,0\n"


@pytest.mark.parametrize("text", [SQUARE, SQUARE.removeprefix("gene,")])
def test_a_square_needs_to_be_told_what_its_rows_are(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(OrientationNeededError, match="square of 3 x 3 genes.*say whether its rows are targets"):
        edge_table.read(path, path.name)
    assert edges(path, rows="sources") == {("A", "B"): 1, ("C", "A"): -2}
    assert edges(path, rows="targets") == {("B", "A"): 1, ("A", "C"): -2}


def test_a_square_without_names_asks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "square.csv.gz"
    path.write_bytes(gzip.compress(b"0,1,0\n0,0,0\n1,0,0\n"))
    with pytest.raises(InvalidInputError, match="3 x 3 numbers without names: add a line and a column"):
        edge_table.read(path, path.name, "sources")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x,y\n1,2\n3,4\n5,6\n", "names no two genes in a line"),
        ("source,target,weight\nA,B,strong\n", "1 line whose weight is neither a number nor a sign.*'strong'"),
        ("source,target\nA\n", "1 line without a source and a target"),
        ("source,target,weight\nA,B,0\n", "lists no edge"),
        ("g,A,B,C\nA,0,0,0\nB,0,0,0\nC,0,0,0\n", "lists no edge, all its fields are 0"),
        ("", "names no two genes"),
    ],
)
def test_what_holds_no_network_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        edge_table.read(written(tmp_path, text), "net", "targets")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the reference data sets are not at {SHARED}")
@pytest.mark.parametrize(
    ("file", "count", "signed"),
    [
        ("scode_mes_pe/reference_TFTF_network.txt", 616, False),
        ("dream4_inferelator/gold_standard.tsv", 176, False),
        ("pathreg_bmmc/tf_targets_CD14_Mono.csv.gz", 9736, False),
        ("beeline_curated/GSD_2000_0/refNetwork.csv", 79, True),
        ("beeline_synthetic/dyn-TF_2000_0/refNetwork.csv", 20, True),
    ],
)
def test_networks_of_benchmarks_open(file: str, count: int, signed: bool) -> None:
    found = edge_table.read(SHARED / file, file, "targets")
    assert len(found.source) == count and bool((found.weight < 0).any()) == signed
    assert np.isfinite(found.weight).all()
