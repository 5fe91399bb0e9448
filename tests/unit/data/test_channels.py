"""A channel is declared once, and everything that handles cells knows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.channels import CHANNELS, ArrayChannel, NamedChannel
from cellflow_core.data.readers import anndata_io
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store.snapshots_file import load_snapshots, save_snapshots

CELLS = 12
T = np.repeat([0.0, 1.0], CELLS // 2)
SPACE = AffineSpace.of_genes(("A", "B"))
X = np.random.default_rng(0).normal(size=(CELLS, 2)).astype(np.float32)


@pytest.fixture
def depth(monkeypatch: pytest.MonkeyPatch) -> str:
    """A channel with three values a cell, and one with a value for each name, declared for one test."""
    monkeypatch.setitem(CHANNELS, "depth", ArrayChannel("depth in the tissue", "micrometre", ("k",), name="depth"))
    markers = NamedChannel("protein markers", "a.u.", name="markers", singular="marker")
    monkeypatch.setitem(CHANNELS, "markers", markers)
    return "depth"


def with_depth() -> Snapshots:
    return Snapshots(X, T, SPACE, depth=np.arange(3.0 * CELLS).reshape(CELLS, 3), markers={"CD4": np.arange(CELLS)})


@pytest.mark.usefixtures("depth")
class TestDeclaredChannel:
    def test_is_checked_and_subset(self) -> None:
        data = with_depth()
        assert data.take(T == 1.0).channels["depth"].tolist() == data.channels["depth"][6:].tolist()
        assert data.take(np.array([3, 1])).channels["markers"]["CD4"].tolist() == [3, 1]
        assert "depth" in data.by_cell and "depth" not in replace(data, depth=None).channels
        with pytest.raises(ValueError, match="2 rows"):
            Snapshots(X, T, SPACE, depth=np.zeros((2, 3)))
        with pytest.raises(ValueError, match=r"\[cells, k\]"):
            Snapshots(X, T, SPACE, depth=np.zeros(CELLS))

    def test_is_hashed(self) -> None:
        data = with_depth()
        others = (replace(data, depth=data.channels["depth"] + 1), replace(data, markers={}), Snapshots(X, T, SPACE))
        assert len({data.fingerprint, *(each.fingerprint for each in others)}) == 4

    def test_is_stored_and_read(self, tmp_path) -> None:
        save_snapshots(tmp_path / "cells.npz", with_depth())
        found = load_snapshots(tmp_path / "cells.npz")
        assert (found.channels["depth"] == with_depth().channels["depth"]).all()
        assert found.channels["markers"]["CD4"].tolist() == list(range(CELLS))

    def test_is_exported_and_read(self, tmp_path) -> None:
        import anndata

        anndata_io.write_snapshots(tmp_path / "cells.h5ad", with_depth())
        held = anndata.read_h5ad(tmp_path / "cells.h5ad")
        assert held.obsm["depth"].shape == (CELLS, 3) and "marker CD4" in held.obs
        import h5py

        with h5py.File(tmp_path / "cells.h5ad") as file:
            found = anndata_io.restore(file, held.obs, "cells.h5ad")
        assert found.same and found.data.fingerprint == with_depth().fingerprint

    def test_is_carried_into_a_batch(self) -> None:
        batch = SnapshotTensors.from_snapshots(with_depth()).batch(4, torch.Generator().manual_seed(0))
        assert batch.cell_data("depth").shape == (2, 4, 3)
        assert torch.equal(batch.cell_data("depth")[..., 0], 3 * batch.cell_data("marker CD4"))


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(TypeError, match="no channel"):
        Snapshots(X, T, SPACE, **{"spliced counts": X})


def test_a_requirement_of_several_channels_needs_them_all() -> None:
    counts = np.ones((CELLS, 2))
    assert DataRequirement.SPLICING not in Snapshots(X, T, SPACE, spliced=counts).has
    assert DataRequirement.SPLICING in Snapshots(X, T, SPACE, spliced=counts, unspliced=counts).has
    with pytest.raises(ValueError, match=r"\[cells, genes\]"):
        Snapshots(X, T, SPACE, spliced=np.ones((CELLS, 3)))


def test_every_channel_says_what_it_is() -> None:
    for name, channel in CHANNELS.items():
        assert channel.name == name and channel.meaning
        assert getattr(Snapshots, name) is channel


def test_cells_without_a_time(tmp_path) -> None:
    data = Snapshots(X, None, SPACE, labels={"kind": np.repeat(["a", "b"], 6)})
    assert DataRequirement.TIMES not in data.has and data.times.tolist() == [] and data.spec.times == ()
    assert data.take(np.arange(4)).x.shape == (4, 2)
    with pytest.raises(KeyError, match="no known time"):
        data.at(0.0)
    frames = SnapshotTensors.from_snapshots(data)
    assert frames.batch(5, torch.Generator().manual_seed(0)).x.shape == (1, 5, 2) and len(frames.times) == 0
    save_snapshots(tmp_path / "cells.npz", data)
    assert load_snapshots(tmp_path / "cells.npz").fingerprint == data.fingerprint


N = np.arange(12)
PLACES = np.stack([N, N % 5], axis=1) / 4
OF_VERSION_0_5 = {
    "velocity": (PLACES * 2, "21504508d6f2da84"),
    "mass": (np.array([3.0, 9.0]), "c4e29f4602e82deb"),
    "lineage": (N % 4 - 1, "3a41eea02133eabc"),
    "labels": ({"kind": np.array(["a", "bc"] * 6)}, "8de99a65a46dbadc"),
    "growth": (N / 8, "7925e3a8b32bb57d"),
    "subject": (N % 3, "5b40a960b140ade0"),
    "dose": (PLACES[:, :1], "789d28fb85297861"),
    "covariates": ({"total counts": N * 1.5}, "12e5ee8e38a6e996"),
    "second_modality": (PLACES[:, 1:], "82c16d4b515e77ae"),
}


@pytest.mark.parametrize("names", [*((each,) for each in OF_VERSION_0_5), tuple(OF_VERSION_0_5)])
def test_fingerprints_are_those_of_version_0_5(names: tuple[str, ...]) -> None:
    """Written down from version 0.5, so that its data sets and the runs on them still belong together."""
    data = Snapshots(PLACES, T, SPACE, "day", **{name: OF_VERSION_0_5[name][0] for name in names})
    assert data.fingerprint == ("d9164b59d719957b" if len(names) > 1 else OF_VERSION_0_5[names[0]][1])
