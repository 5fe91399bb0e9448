"""Uploads that nobody imports go after two days, whatever happens to the clock of the machine."""

from __future__ import annotations

import io
import os
import time

import pytest

from cellflow_core.data.importing import uploads

DAY = 86_400


@pytest.fixture
def id() -> str:
    return uploads.save_upload(io.BytesIO(b"a,b\n1,2\n"), "cells.csv")


def test_a_clock_that_jumps_ahead_removes_nothing_at_once(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, running = time.time, time.monotonic
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + 300 * DAY)
        uploads.new_folder()
        uploads.new_folder()
        assert uploads.opened(id)
        patch.setattr(time, "monotonic", lambda: running() + 3500)
        uploads.new_folder()
        assert uploads.opened(id)
    uploads.new_folder()  # the clock is right again: what was found old is young
    monkeypatch.setattr(time, "time", lambda: real() + 300 * DAY)
    monkeypatch.setattr(time, "monotonic", lambda: running() + 7200)
    uploads.new_folder()
    assert uploads.opened(id)


def test_what_stays_old_for_an_hour_goes(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = uploads.folder_of(id)
    for each in (*folder.iterdir(), folder):
        os.utime(each, (0, time.time() - 3 * DAY))
    uploads.new_folder()
    assert uploads.opened(id)
    running = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: running() + 3700)
    uploads.new_folder()
    with pytest.raises(KeyError, match="choose the file again"):
        uploads.opened(id)
