"""Uploads are on disk under an id; user text never becomes a path."""

from __future__ import annotations

import io
import os

import pytest

from cellflow_core.home import home
from pages.parts import uploads


def test_an_upload_is_found_by_its_id_with_its_own_name() -> None:
    upload = uploads.keep(io.BytesIO(b"x,y\n1,2\n"), "../../my cells.CSV")
    path, name = uploads.opened(upload)
    assert path.read_bytes() == b"x,y\n1,2\n" and path.name == "file.csv"
    assert path.is_relative_to(home()) and name == "../../my cells.CSV"
    uploads.discard(upload)
    with pytest.raises(KeyError, match="choose the file again"):
        uploads.opened(upload)


@pytest.mark.parametrize("upload", ["../../etc", "", "0123456789ab/..", "ABCDEF012345"])
def test_an_id_that_is_none_is_refused(upload: str) -> None:
    with pytest.raises(KeyError, match="choose the file again"):
        uploads.opened(upload)


def test_what_nobody_imported_goes_after_two_days() -> None:
    old = uploads.keep(io.BytesIO(b"1"), "old.csv")
    os.utime(home() / "uploads" / old, (0, 0))
    new = uploads.keep(io.BytesIO(b"2"), "new.csv")
    assert uploads.opened(new)[1] == "new.csv"
    with pytest.raises(KeyError):
        uploads.opened(old)
