"""The catalogue of public data sets, against a local server."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest

from cellflow_core.data.download import public, url_safety
from cellflow_core.data.importing import uploads
from tests.webserver import Shelf, serving


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """The catalogue as it is, but from this machine."""
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with serving() as shelf:
        here = [dataclasses.replace(each, url=f"{shelf.address}/{each.name}", sha256="") for each in public.CATALOGUE]
        monkeypatch.setattr(public, "CATALOGUE", tuple(here))
        yield shelf


def test_every_entry_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_safety, "_refuse_inside", lambda address, host: None)
    names = [each.name for each in public.CATALOGUE]
    assert len(set(names)) == len(names) and {"eb", "cite", "multi", "pancreas", "dentate-gyrus", "paul15"} <= {*names}
    for each in public.CATALOGUE:
        assert url_safety.check(each.url) == each.url and each.url.startswith("https://"), each.name
        assert each.title and each.paper and each.licence and each.good_for and each.organism and each.cells
        assert each.sha256 == "" or len(bytes.fromhex(each.sha256)) == 32
        assert uploads.ending(each.file) != ".bin"
    with pytest.raises(KeyError, match="'ebb'.*eb, eb-genes"):
        public.find("ebb")


def test_a_data_set_comes_with_its_name_and_its_time(shelf: Shelf) -> None:
    shelf.files["/cite"] = b"cells"
    held = uploads.opened(public.get("cite"))
    assert (held.name, held.time, held.path.name) == ("op_cite_inputs_0.h5ad", "day", "file.h5ad")
    assert held.sha256 == hashlib.sha256(b"cells").hexdigest()


def test_a_wrong_checksum_gives_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.files["/eb"] = b"cells"
    entry = dataclasses.replace(public.find("eb"), sha256="1" * 64)
    monkeypatch.setattr(public, "CATALOGUE", (entry, *public.CATALOGUE))
    with pytest.raises(ValueError, match="another file"):
        public.get("eb")


def test_paul15_is_rewritten_as_anndata(shelf: Shelf, tmp_path: Path) -> None:
    genes, cells = [f"Gene{k:02d};twin" for k in range(30)], [f"W{k}" for k in range(40)]
    counts = np.random.default_rng(0).poisson(2.0, (30, 40)).astype(np.float64)
    with h5py.File(tmp_path / "paul15.h5", "w") as file:
        file["data.debatched"] = counts
        file["data.debatched_rownames"] = np.array(genes, "S")
        file["data.debatched_colnames"] = np.array(cells, "S")
        file["cluster.id"] = np.resize(np.arange(1, 20), (40, 1))
        file["info.genes_strings"] = np.array([each.split(";")[0] for each in genes[:25]], "S")
    shelf.files["/paul15"] = (tmp_path / "paul15.h5").read_bytes()
    message: list[str] = []
    held = uploads.opened(public.get("paul15", message.append))
    read = anndata.read_h5ad(held.path)
    assert read.shape == (40, 25) and "paul15_clusters" in read.obs
    assert np.array_equal(np.asarray(read["W3", "Gene04"].X), [[counts[4, 3]]])
    assert "reading the authors' own format" in message
    assert uploads.opened(public.download(held.id)).path.read_bytes() == held.path.read_bytes()
