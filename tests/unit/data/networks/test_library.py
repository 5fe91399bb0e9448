"""Networks that are kept, matched with genes, and given to a data set."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cellflow_core.data import store
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.networks import library
from cellflow_core.data.networks.edge_table import EdgeTable, of_edges
from cellflow_core.data.networks.matching import match
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.readers.anndata_io import read_snapshots, write_snapshots
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.network import TRUE_NETWORK


def table(*edges: tuple[str, str, float]) -> EdgeTable:
    return of_edges(*zip(*edges, strict=True))


def cells(genes: tuple[str, ...] = ("Gata1", "Spi1", "Klf1"), network: PriorNetwork | None = None) -> Snapshots:
    x = np.random.default_rng(0).random((60, len(genes)), np.float32)
    return Snapshots(x, np.repeat([0.0, 1.0], 30), AffineSpace.of_genes(genes), network=network)


def stored(data: Snapshots) -> str:
    return store.save_dataset(data, label="cells", origin="upload", source="f")


KNOWN = table(("GATA1", "KLF1", 1.0), ("SPI1", "GATA1", -1.0), ("MYC", "TERT", 1.0))


def test_a_kept_network_is_found_by_its_name_and_can_go() -> None:
    about = library.add(KNOWN, "  my   network ", "edges.csv", "CC0", "human")
    assert about.name == "my network" and (about.regulators, about.targets, about.edges) == (3, 3, 3) and about.signed
    network, found = library.find("my network")
    assert found == about == library.kept()[0]
    assert network.source.tolist() == ["GATA1", "SPI1", "MYC"] and network.weight.tolist() == [1, -1, 1]
    library.delete("my network")
    with pytest.raises(KeyError, match="there is no network 'my network'; there are none"):
        library.find("my network")


def test_columns_are_sources_and_rows_targets() -> None:
    network = PriorNetwork("n", np.array(["a", "b", "x"]), np.array(["b", "c", "a"]), np.array([1.0, -2.0, 1.0]))
    assert network.matrix(("a", "b", "c")).tolist() == [[0, 0, 0], [1, 0, 0], [0, -2, 0]]


def test_letters_are_never_changed_without_being_asked() -> None:
    network = PriorNetwork("human", KNOWN.source, KNOWN.target, KNOWN.weight)
    genes = ("Gata1", "Spi1", "Klf1", "Xist")
    with pytest.raises(ValueError, match=r"no edge of human joins two of the 4 genes.*3 genes would match without"):
        match(network, genes)
    with pytest.raises(ValueError, match=r"names such as 'GATA1', the cells such as 'Fog1'"):
        match(network, ("Fog1", "Xist"))
    found = match(network, genes, ignore_case=True)
    assert found.network.source.tolist() == ["Gata1", "Spi1"] and found.network.target.tolist() == ["Klf1", "Gata1"]
    assert "2 of 3 edges" in found.report and "3 of them only without regard to upper and lower case" in found.report


def test_genes_are_found_by_accession_id_whatever_its_version() -> None:
    ids = {"Gata1": "ENSMUSG00000031162.7", "Klf1": "ENSMUSG00000054191"}
    edges = table(("ENSMUSG00000031162", "ENSMUSG00000054191.3", 1.0))
    found = match(PriorNetwork("ids", edges.source, edges.target, edges.weight), tuple(ids), ids)
    assert found.network.source.tolist() == ["Gata1"] and found.network.target.tolist() == ["Klf1"]


def test_a_network_stays_with_the_cells(tmp_path: Path) -> None:
    network = PriorNetwork(
        "n", np.array(["Gata1", "Myc"]), np.array(["Klf1", "Gata1"]), np.array([1.0, -1.0], np.float32)
    )
    data, without = cells(network=network), cells()
    assert data.fingerprint != without.fingerprint
    assert DataRequirement.NETWORK in data.has and DataRequirement.NETWORK not in without.has
    frames = SnapshotTensors.from_snapshots(data.take(data.t > 0))
    assert frames.prior is not None and torch.equal(frames.prior, torch.tensor(network.matrix(data.space.genes)))
    assert SnapshotTensors.from_snapshots(without).prior is None
    assert store.open_dataset(stored(data)).snapshots().fingerprint == data.fingerprint
    write_snapshots(tmp_path / "cells.h5ad", data)
    again = read_snapshots(tmp_path / "cells.h5ad", data.fingerprint)
    assert again.network is not None and again.network.name == "n"


def test_edges_among_other_genes_meet_no_requirement() -> None:
    elsewhere = PriorNetwork("n", np.array(["Myc"]), np.array(["Gata1"]), np.ones(1, np.float32))
    assert DataRequirement.NETWORK not in cells(network=elsewhere).has


def test_the_step_gives_a_data_set_its_network_and_says_what_was_found() -> None:
    library.add(KNOWN, "known", "edges.csv")
    parent = stored(cells())
    with pytest.raises(ValueError, match="choose so if that is meant"):
        derive(parent, "network", {"network": "known"})
    made = store.open_dataset(derive(parent, "network", {"network": "known", "names": "ignore-case"}))
    assert made.info.id != parent and made.info.parent == parent
    assert (
        "2 edges among the 3 genes of the state" in made.info.steps[-1]
        and str(DataRequirement.NETWORK) in made.info.has
    )
    assert any("2 of 3 edges of known" in each for each in made.info.notes)
    later = store.open_dataset(derive(made.info.id, "subset", {"by": "time", "first": 0.0, "last": 0.0}))
    assert later.snapshots().network is not None


def test_simulated_cells_can_have_their_true_network() -> None:
    made = store.open_dataset(
        derive(simulate("krumsiek", {"cells_per_time": 10}), "network", {"network": TRUE_NETWORK})
    )
    network, truth = made.snapshots().network, create("krumsiek")
    assert network is not None and np.array_equal(network.matrix(truth.axes), truth.network())  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="does not come from a simulator with a network"):
        derive(stored(cells()), "network", {"network": TRUE_NETWORK})


def test_a_network_is_whole() -> None:
    whole = PriorNetwork("n", np.array(["a"]), np.array(["b"]), np.ones(1))
    with pytest.raises(ValueError, match="1 sources, 1 targets and 2 weights"):
        dataclasses.replace(whole, weight=np.ones(2))
    with pytest.raises(ValueError, match="missing or infinite"):
        dataclasses.replace(whole, weight=np.array([np.nan]))
