"""What cannot be made again, in one file and back."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.cli import main
from cellflow_core.data import store
from cellflow_core.data.networks import library
from cellflow_core.data.networks.edge_table import EdgeTable
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.runs import index
from cellflow_core.workspace import Workspace, acting, backup, people
from tests.toys import recipe, stored


def test_data_runs_and_owners_come_back(tmp_path: Path, home: Path, monkeypatch, capsys) -> None:
    ann = replace(Workspace.from_environment(), owner="ann")
    people.remember(home, people.Person("ann", "Ann Lee"))
    with acting(ann):
        data, gone = stored(label="mine"), stored(label="deleted")
        for each in (data, gone):  # as of a file that was imported twice
            (home / "data" / each / "source").mkdir()
        file = home / "data" / data / "source" / "cells.csv"
        file.write_text("a,b")
        (home / "data" / gone / "source" / "cells.csv").hardlink_to(file)
        store.delete(gone)
        done, waiting = index.submit(recipe(data)), index.submit(recipe(data))
    InProcess().start(done)
    weights = done.weights.read_bytes()
    file = tmp_path / "kept.tar.gz"
    assert main(["backup", str(file)]) == 0

    other = tmp_path / "other"
    monkeypatch.setenv("CELLFLOW_HOME", str(other))
    assert main(["restore", str(file)]) == 0
    assert "1 data set and 2 runs" in capsys.readouterr().out
    assert index.open_run(done.id).weights.read_bytes() == weights
    sources = sorted((other / "data").rglob("source/cells.csv"))
    assert [each.read_text() for each in sources] == ["a,b", "a,b"]
    assert [each.id for each in index.open_runs()] == [waiting.id]  # it is trained from here
    assert people.known(other)["ann"].name == "Ann Lee"
    with acting(replace(Workspace.from_environment(), owner="bob")), pytest.raises(KeyError):
        store.open_dataset(data)
    with acting(replace(Workspace.from_environment(), owner="ann")):
        store.rename(data, "changed since")
        assert [each.id for each in store.trashed()] == [gone]
    assert main(["restore", str(file)]) == 0  # changes nothing that is there
    assert store.open_dataset(data).info.label == "changed since"


def test_what_a_folder_of_a_person_lacks_comes_back(tmp_path: Path, home: Path, monkeypatch) -> None:
    edge = EdgeTable(np.array(["A"]), np.array(["B"]), np.array([1.0]), ())
    ann = replace(Workspace.from_environment(), owner="ann")
    with acting(ann):
        library.add(edge, "prior", "mine")
    people.hold(home, "ann", "an-item", "key")
    file = tmp_path / "kept.tar.gz"
    backup.back_up(file, ann)
    other = replace(ann, root=tmp_path / "other")
    people.remember(other.root, people.Person("ann", "Ann Lee"))  # she has signed in, and looked, before
    assert library.kept(other) == ()
    backup.restore(file, other)
    assert [each.name for each in library.kept(other)] == ["prior"]
    assert people.held(other.root, "ann", "an-item") == "key" and people.known(other.root)["ann"].name == "Ann Lee"


def test_files_that_are_no_backup_are_refused(tmp_path: Path, home: Path, capsys) -> None:
    assert main(["backup", str(tmp_path / "x.zip")]) == 2
    stored()
    whole = tmp_path / "whole.tar.gz"
    main(["backup", str(whole)])
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:500])
    hostile = tmp_path / "hostile.tar.gz"
    with tarfile.open(hostile, "w:gz") as archive:
        archive.add(whole, "../../escaped")
    damaged, linked = tmp_path / "damaged.tar.gz", tmp_path / "linked.tar.gz"
    checksum_at = whole.stat().st_size - 8
    damaged.write_bytes(whole.read_bytes()[:checksum_at] + bytes(4) + whole.read_bytes()[checksum_at + 4 :])
    with tarfile.open(linked, "w:gz") as archive:
        link = tarfile.TarInfo("data/a-link")
        link.type, link.linkname = tarfile.SYMTYPE, "../people"
        archive.addfile(link)
    for file in (cut, hostile, damaged, linked):
        before = sorted(home.rglob("*"))
        assert main(["restore", str(file)]) == 2 and "no whole backup" in capsys.readouterr().err
        assert sorted(home.rglob("*")) == before and not (tmp_path / "escaped").exists()
