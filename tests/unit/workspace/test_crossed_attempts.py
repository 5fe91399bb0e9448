"""Two people on one server: whatever one tries with what belongs to the other, by id, by name or by what is kept, ends
as if it were not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.download import downloads
from cellflow_core.data.importing import uploads
from cellflow_core.data.networks import library
from cellflow_core.data.networks.edge_table import EdgeTable
from cellflow_core.data.steps.derive import derive, use_velocity
from cellflow_core.data.store import annotation_layers
from cellflow_core.jobs import analysis_cache, analysis_pool, export, export_script, process
from cellflow_core.jobs.people import administration, sharing
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.workspace import NotAllowedError, Workspace, acting, current
from pages.parts.views import export as export_page
from tests.toys import drifting, recipe, stored

ANN, BOB = "ann", "bob"
OPEN = "cellflow_core.data.store:open_dataset"


@dataclass
class Things:
    """What Ann has. dataset, gone: a data set, and one in the trash; run, binned: the same of runs."""

    dataset: str
    gone: str
    damaged: str
    run: str
    binned: str
    upload: str
    download: str


def of(person: str) -> Workspace:
    return replace(Workspace.from_environment(), owner=person)


def an_edge(weight: float) -> EdgeTable:
    return EdgeTable(np.array(["A"]), np.array(["B"]), np.array([weight]), ())


@pytest.fixture
def things() -> Things:
    with acting(of(ANN)):
        dataset, gone, damaged = (stored(label=each) for each in ("secret cells", "old cells", "broken cells"))
        (current().data / damaged / "snapshots.npz").write_bytes(b"")
        run, binned = index.submit(recipe(dataset, group="one")), index.submit(recipe(dataset))
        store.delete(gone)
        binned.delete()
        run.end("done", "")
        upload = uploads.save_upload(BytesIO(b"a,b\n1,2\n"), "cells.csv")
        download = downloads.register_download("https://example.org/cells.h5ad")
        (uploads.folder_of(download) / "part").write_bytes(b"some")
        library.add(an_edge(1.0), "private", "mine")
        answered = analysis_cache.cache_path("course", run.id, {"view": "pca"})
        answered.parent.mkdir(exist_ok=True)
        answered.write_bytes(b"an answer")
    return Things(dataset, gone, damaged, run.id, binned.id, upload, download)


def of_bob(things: Things) -> Run:
    """The run of Ann as Bob would hold it, if he came by its folder."""
    return Run(current().runs / things.run, of(BOB))


def folder(things: Things) -> store.Dataset:
    return store.Dataset(current().data / things.dataset)


REFUSED: dict[str, Callable[[Things], Any]] = {
    "open a data set": lambda t: store.open_dataset(t.dataset),
    "rename a data set": lambda t: store.rename(t.dataset, "mine"),
    "delete a data set": lambda t: store.delete(t.dataset),
    "restore a data set": lambda t: store.restore(t.gone),
    "draw a view into a data set": lambda t: store.add_view(t.dataset, "umap", np.zeros((180, 2))),
    "take a step": lambda t: derive(t.dataset, "subset", {"by": "time", "last": 1.5}),
    "give a velocity": lambda t: use_velocity(t.dataset, np.zeros((180, 2)), "x"),
    "add annotations": lambda t: annotation_layers.add_annotations(folder(t), {}, {}, {}, ""),
    "undo a step": lambda t: annotation_layers.remove_last(folder(t)),
    "take the file of a data set": lambda t: uploads.of_dataset(t.dataset),
    "put a file into a data set": lambda t: uploads.attach_to_dataset(t.upload, t.dataset),
    "train on a data set": lambda t: index.submit(replace(recipe_of(t), label="stolen")),
    "share a data set": lambda t: sharing.share("dataset", t.dataset, everyone="copy"),
    "copy a data set": lambda t: sharing.copy("dataset", t.dataset),
    "guess a link": lambda t: sharing.accept("dataset", t.dataset, "guessed"),
    "send an empty link": lambda t: sharing.accept("run", t.run, ""),
    "ask whose a data set is": lambda t: sharing.shared_by("dataset", t.dataset),
    "open a run": lambda t: index.open_run(t.run),
    "restore a run": lambda t: index.restore(t.binned),
    "rename a run": lambda t: of_bob(t).rename("mine"),
    "cancel a run": lambda t: of_bob(t).cancel(),
    "resume a run": lambda t: of_bob(t).resume(),
    "delete a run": lambda t: of_bob(t).delete(),
    "read the cells of a run": lambda t: of_bob(t).dataset(),
    "copy a run": lambda t: sharing.copy("run", t.run),
    "share a run": lambda t: sharing.share("run", t.run, by_link="read"),
    "read a stored answer": lambda t: analysis_cache.answer("course", t.run, view="pca"),
    "ask about a run": lambda t: analysis_pool.submit_analysis("course", t.run, view="pca"),
    "ask in a process of the server": lambda t: process.run(OPEN, [t.dataset], {}, of(BOB)),
    "export cells": lambda t: export.export_h5ad(t.run, str(current().exports / "x.h5ad")),
    "export a script": lambda t: export_script.write_archive(t.run, str(current().exports / "x.zip")),
    "export a run with its cells": lambda t: export_script.write_home(t.run, str(current().exports / "x.zip")),
    "open an upload": lambda t: uploads.opened(t.upload),
    "discard an upload": lambda t: uploads.discard(t.upload),
    "go on with a download": lambda t: downloads.download(t.download),
    "use a network": lambda t: library.find("private"),
    "delete a network": lambda t: library.delete("private"),
    "list everyone's runs": lambda t: administration.running(),
    "stop a run as whoever looks after the server": lambda t: administration.cancel(t.run),
}  # fmt: skip

EXPORTS = ("export cells", "export a script", "export a run with its cells")

LISTED: dict[str, Callable[[Things], Any]] = {
    "data sets": lambda t: store.datasets(),
    "damaged data sets": lambda t: store.damaged_datasets(),
    "deleted data sets": lambda t: store.trashed(),
    "runs": lambda t: [each.id for each in index.runs()],
    "deleted runs": lambda t: [each.id for each in index.deleted()],
    "unfinished downloads": lambda t: downloads.unfinished("https://example.org/cells.h5ad"),
    "networks": lambda t: library.kept(),
}


def recipe_of(things: Things) -> Any:
    with acting(of(ANN)):
        return index.open_run(things.run).recipe


@pytest.mark.parametrize("attempt", REFUSED)
def test_what_belongs_to_another_is_refused(things: Things, attempt: str) -> None:
    before = contents(current().root)
    with acting(of(BOB)), pytest.raises((KeyError, NotAllowedError)) as refused:
        REFUSED[attempt](things)
    assert "secret" not in str(refused.value)
    assert contents(current().root) == before


@pytest.mark.parametrize("listed", LISTED)
def test_lists_leave_out_what_belongs_to_another(things: Things, listed: str) -> None:
    with acting(of(ANN)):
        assert LISTED[listed](things)
    with acting(of(BOB)):
        assert not LISTED[listed](things)


def contents(root: Path) -> dict[str, bytes]:
    """Every file but the log of what was tried, and empty folders of the other person."""
    files = (each for each in root.rglob("*") if each.is_file() and "audit" not in each.parts)
    return {str(each): each.read_bytes() for each in files}


def test_names_and_groups_tell_nothing(things: Things) -> None:
    with acting(of(BOB)):
        own = stored(label="secret cells")
        assert store.open_dataset(own).info.label == "secret cells"  # not “(2)”
        library.add(an_edge(-1.0), "private", "his")
        child = store.save_dataset(drifting(), label="x", origin="upload", source="", parent=things.dataset)
        assert store.ancestors(store.open_dataset(child).info) == []
        run = index.submit(recipe(own, group="one"))
        assert index.siblings(run) == ()
    with acting(of(ANN)):
        assert library.find("private")[1].source == "mine"


def test_without_people_everything_opens_as_before(things: Things) -> None:
    assert store.open_dataset(things.dataset).info.label == "secret cells" and index.open_run(things.run)
    old = stored()
    with acting(of(BOB)):  # and what nobody owns is everyone's to look at and to copy, not to change
        assert store.open_dataset(old) and index.submit(recipe(old))
        with pytest.raises(NotAllowedError, match="owner"):
            store.delete(old)


@pytest.mark.parametrize("written", ['{"owner": 1}', '{"owner": "ann", "everyone": []}', '{"owner": "ann", "x": 1}'])
def test_a_folder_whose_owner_cannot_be_read_is_closed(things: Things, written: str) -> None:
    (current().data / things.dataset / "access.json").write_text(written)
    for person in (ANN, BOB):
        with acting(of(person)), pytest.raises(KeyError):
            store.open_dataset(things.dataset)


def test_a_right_that_is_taken_back_is_gone_at_once(things: Things) -> None:
    place = current().data / things.dataset
    for everyone in ("read", "", "copy", "", "read") * 20:
        with acting(of(ANN)):
            sharing.share("dataset", things.dataset, everyone=everyone)
        assert of(BOB).right(place) == everyone and of(ANN).right(place) == "own"


def test_what_was_tried_is_written_down(things: Things) -> None:
    with acting(of(BOB)), pytest.raises(KeyError):
        index.open_run(things.run)
    rows = administration.actions(replace(of("root"), admin=True))
    assert {key: rows[0][key] for key in ("who", "what", "on")} == {"who": BOB, "what": "refused", "on": things.run}
    assert {"uploaded", "downloaded", "made", "started", "deleted"} <= {each["what"] for each in rows}


def test_what_is_shared_opens_as_far_as_it_is_shared(things: Things) -> None:
    with acting(of(ANN)):
        link = sharing.share("run", things.run, by_link="read")
    with acting(of(BOB)):
        for key in ("", "guessed", "clé", "\udce9"):
            with pytest.raises(KeyError):
                sharing.accept("run", things.run, key)
        with pytest.raises(KeyError):
            index.open_run(things.run)
        assert sharing.accept("run", things.run, link.key) == "read"
        run = index.open_run(things.run)
        assert run.dataset().info.label == "secret cells" and [each.id for each in index.runs()] == [run.id]
        assert not export_page._may_take(run)
        for attempt in ("copy a run", "copy a data set", "train on a data set", *EXPORTS, "delete a run"):
            with pytest.raises(NotAllowedError):
                REFUSED[attempt](things)
    with acting(of(ANN)):
        sharing.share("run", things.run)
        sharing.share("dataset", things.dataset, by_link="copy")
        key = sharing.share("dataset", things.dataset, by_link="copy").key
    with acting(of(BOB)):
        with pytest.raises(KeyError):  # taken back
            index.open_run(things.run)
        sharing.accept("dataset", things.dataset, key)
        made = sharing.copy("dataset", things.dataset)
        step = {"by": "time", "last": 1.5}
        assert sharing.shared_by("dataset", made) == "" and derive(things.dataset, "subset", step)
        with pytest.raises(NotAllowedError):
            store.rename(things.dataset, "mine")
    with acting(of(ANN)):
        sharing.share("dataset", things.dataset, everyone="copy")
        sharing.share("run", things.run, everyone="copy")
        shutil.rmtree(current().runs / things.run / "views")
    with acting(of("cy")):
        copied = index.open_run(sharing.copy("run", things.run))
        assert sharing.access("dataset", copied.dataset().info.id)[0] == "own"
        assert copied.status().state == "done" and sharing.access("run", copied.id)[0] == "own"


def test_a_run_on_the_data_of_another_is_not_shared_further(things: Things) -> None:
    with acting(of(ANN)):
        key = sharing.share("dataset", things.dataset, by_link="copy").key
    with acting(of(BOB)):
        sharing.accept("dataset", things.dataset, key)
        run = index.submit(recipe(things.dataset))
        with pytest.raises(NotAllowedError, match="data set of this run"):
            sharing.share("run", run.id, everyone="read")
