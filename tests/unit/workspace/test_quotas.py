"""What one person may use of a server, and the sentence where that is used up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest

from cellflow_core.data.importing import uploads
from cellflow_core.jobs.people import administration, sharing
from cellflow_core.runs import index
from cellflow_core.workspace import NotAllowedError, Quotas, Workspace, acting, audit, people, quotas
from tests.toys import recipe, stored

FEW = Quotas(open_runs=2, runs_an_hour=3, files_an_hour=4)


@pytest.fixture
def ann() -> Iterator[Workspace]:
    workspace = replace(Workspace.from_environment(), owner="ann", quotas=FEW)
    with acting(workspace):
        quotas.forget_counts()
        yield workspace


def test_they_are_read_from_the_environment() -> None:
    found = Quotas.from_environment({"CELLFLOW_QUOTA_DISK_GB": "5", "CELLFLOW_QUOTA_RUNS": "7"})
    assert (found.disk, found.open_runs, found.files_an_hour) == (5e9, 7, Quotas.files_an_hour)
    with pytest.raises(ValueError, match="CELLFLOW_FILES_AN_HOUR"):
        Quotas.from_environment({"CELLFLOW_FILES_AN_HOUR": "many"})


def test_runs_that_are_open_and_runs_of_an_hour_are_limited(ann: Workspace) -> None:
    data = stored()
    first, _ = index.submit(recipe(data)), index.submit(recipe(data))
    with pytest.raises(quotas.QuotaError, match="2 of your runs"):
        index.submit(recipe(data))
    first.cancel()
    with pytest.raises(quotas.QuotaError, match="2 are asked for, and none of them was started"):
        index.submit_all([recipe(data)] * 2)
    assert len(index.runs()) == 2
    index.submit(recipe(data)).cancel()
    with pytest.raises(quotas.QuotaError, match="3 runs within an hour"):
        index.submit(recipe(data))
    with acting(replace(ann, owner="bob")):  # each has their own
        index.submit(recipe(stored()))
    with acting(ann.unrestricted):
        index.submit(recipe(data))


def test_files_of_an_hour_are_limited(ann: Workspace) -> None:
    for _ in range(4):
        uploads.save_upload(BytesIO(b"a"), "a.csv")
    for bring in (lambda: uploads.save_upload(BytesIO(b"a"), "a.csv"), stored):
        with pytest.raises(quotas.QuotaError, match="4 files"):
            bring()


def test_copies_count_as_files(ann: Workspace) -> None:
    with acting(replace(ann, owner="bob")):
        theirs = stored()
        sharing.share("dataset", theirs, everyone="copy")
    for _ in range(4):
        sharing.copy("dataset", theirs)
    with pytest.raises(quotas.QuotaError, match="4 files"):
        sharing.copy("dataset", theirs)


def test_disk_is_limited_and_counts_the_trash(ann: Workspace) -> None:
    data = stored()
    quotas.forget_counts()
    assert quotas.disk_used(ann) == {"ann": quotas.size(ann.data / data)}
    index.submit(recipe(data)).delete()
    quotas.forget_counts()
    little = replace(ann, quotas=replace(FEW, disk=100.0))
    with acting(little), pytest.raises(quotas.QuotaError, match="GB"):
        uploads.save_upload(BytesIO(b"a"), "a.csv")
    assert quotas.disk_used(ann)["ann"] > quotas.size(ann.data / data)


def test_whoever_looks_after_the_server_sees_what_it_is_used_for(ann: Workspace) -> None:
    people.remember(ann.root, people.Person("ann", "Ann Lee"))
    run = index.submit(recipe(stored()))
    quotas.forget_counts()
    admin = replace(ann, owner="root", admin=True)
    (row,) = administration.running(admin)
    assert (row.id, row.owner, row.model, row.state) == (run.id, "Ann Lee", "i-cfm", "queued")
    (used,) = [each for each in administration.usage(admin) if each.id == "ann"]
    assert used.name == "Ann Lee" and used.bytes > 0 and used.open_runs == 1 and used.seen > 0
    assert administration.machine(admin).total > 0
    with pytest.raises(NotAllowedError):
        administration.usage()
    administration.cancel(run.id, admin)
    assert run.status().state == "cancelled" and administration.running(admin) == []


def test_a_line_that_a_full_disk_cut_short_is_skipped(ann: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    audit.record(ann.root, "ann", "started", "one")
    (file,) = (ann.root / "audit").glob("*.jsonl")
    with file.open("a") as log:
        log.write('{"at": "2026\n')
    audit.record(ann.root, "ann", "started", "two")
    assert [each["on"] for each in audit.newest(ann.root)] == ["two", "one"]
    file.unlink()
    file.mkdir()
    audit.record(ann.root, "ann", "started", "three")
    assert '"three"' in caplog.text  # the line is not lost
