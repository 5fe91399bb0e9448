"""Files on their way in are on disk under an id; user text never becomes a path; an import keeps its original."""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from cellflow_core.data.importing import demos, uploads
from cellflow_core.data.store import open_dataset


def test_an_upload_is_found_by_its_id_with_its_own_name(home: Path) -> None:
    held = uploads.opened(uploads.save_upload(io.BytesIO(b"x,y\n1,2\n"), "../../my cells.CSV"))
    assert held.path.read_bytes() == b"x,y\n1,2\n" and held.path.name == "file.csv"
    assert held.path.is_relative_to(home)
    assert (held.name, held.origin) == ("../../my cells.CSV", "upload")
    assert held.sha256 == hashlib.sha256(b"x,y\n1,2\n").hexdigest()
    uploads.discard(held.id)
    with pytest.raises(KeyError, match="again"):
        uploads.opened(held.id)


@pytest.mark.parametrize("upload", ["../../etc", "", "0123456789ab/..", "ABCDEF012345"])
def test_an_id_that_is_none_is_refused(upload: str) -> None:
    with pytest.raises(KeyError, match="again"):
        uploads.opened(upload)


def test_what_nobody_imported_goes_after_two_days_of_which_the_machine_ran_an_hour(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = uploads.save_upload(io.BytesIO(b"1"), "old.csv")
    for each in (*(home / "uploads" / old).iterdir(), home / "uploads" / old):
        os.utime(each, (0, 0))
    uploads.save_upload(io.BytesIO(b"2"), "new.csv")
    assert uploads.opened(old).name == "old.csv"  # a clock that was set forward takes nothing away
    later = time.monotonic() + 2 * 3600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    new = uploads.save_upload(io.BytesIO(b"3"), "newer.csv")
    assert uploads.opened(new).name == "newer.csv"
    with pytest.raises(KeyError):
        uploads.opened(old)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.h5ad", ".h5ad"),
        ("A.CSV.GZ", ".csv.gz"),
        ("m.tar.gz", ".tar.gz"),
        ("x.y.npz", ".npz"),
        ("a.exe", ".bin"),
        ("", ".bin"),
    ],
)
def test_only_known_endings_are_kept(name: str, ending: str) -> None:
    assert uploads.ending(name) == ending


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "C:\\cells\\a b.h5ad", "\u202e<b>.csv", "x" * 999])
def test_a_safe_name_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    held = uploads.safe(name)
    assert 1 <= len(held) <= 100 and (tmp_path / held).parent == tmp_path and not held.startswith(".")


def test_a_file_of_this_machine_is_linked_and_never_removed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("x\n1\n")
    held = uploads.opened(uploads.register_local_file(mine))
    assert held.path.read_text() == "x\n1\n" and held.path.parent != tmp_path
    assert (held.name, held.origin) == ("mine.csv", str(mine))
    uploads.discard(held.id)
    assert mine.exists()
    with pytest.raises(ValueError, match="pack"):
        uploads.register_local_file(tmp_path)
    with pytest.raises(ValueError, match="no readable file"):
        uploads.register_local_file(tmp_path / "absent.csv")


def test_an_imported_file_can_be_prepared_again() -> None:
    made = demos.make("toggle")
    with pytest.raises(KeyError, match="upload it again"):
        uploads.of_dataset(made)
    upload = uploads.save_upload(io.BytesIO(b"x,y\n"), "../my cells.csv")
    uploads.attach_to_dataset(upload, made)
    uploads.attach_to_dataset(upload, made)  # a second tab
    assert (open_dataset(made).folder / "source" / "my_cells.csv").read_bytes() == b"x,y\n"
    with pytest.raises(KeyError):
        uploads.opened(upload)
    again = uploads.opened(uploads.of_dataset(made))
    assert (again.name, again.path.read_bytes(), again.origin) == ("../my cells.csv", b"x,y\n", "upload")
    uploads.discard(again.id)
    assert uploads.opened(uploads.of_dataset(made)).path.read_bytes() == b"x,y\n"


def test_a_linked_original_that_is_gone_says_so(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("x\n")
    made = demos.make("toggle")
    uploads.attach_to_dataset(uploads.register_local_file(mine), made)
    assert uploads.opened(uploads.of_dataset(made)).origin == str(mine)
    mine.unlink()
    with pytest.raises(KeyError, match=r"mine\.csv"):
        uploads.of_dataset(made)


def test_the_page_reads_only_folders_that_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_folder, other = tmp_path / "open", tmp_path / "opened-not"
    for each in (open_folder, other):
        each.mkdir()
        (each / "cells.csv").write_text("x\n")
    monkeypatch.delenv("CELLFLOW_PATHS", raising=False)
    with pytest.raises(ValueError, match="folders"):
        uploads.link_offered(open_folder / "cells.csv")
    monkeypatch.setenv("CELLFLOW_PATHS", f"{open_folder}{os.pathsep}{tmp_path / 'absent'}")
    assert uploads.opened(uploads.link_offered(open_folder / "cells.csv")).name == "cells.csv"
    (open_folder / "out").symlink_to(other)
    for inside in (
        other / "cells.csv",
        open_folder / ".." / "opened-not" / "cells.csv",
        open_folder / "out" / "cells.csv",
    ):
        with pytest.raises(ValueError, match="none of"):
            uploads.link_offered(inside)
