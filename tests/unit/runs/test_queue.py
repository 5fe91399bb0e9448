"""The order in which runs that wait are started."""

from __future__ import annotations

from datetime import datetime, timedelta

from cellflow_core.runs import files, index, metrics, queue
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.heartbeat import Heartbeat
from cellflow_core.runs.run import Run
from tests.unit.runs.test_run_folder import row, submitted


def test_queue_positions(monkeypatch):
    monkeypatch.setattr(queue, "KEPT", 0.0)
    first, second = submitted(), submitted()
    assert (first.status().state, queue.place(first), queue.place(second)) == ("queued", 1, 2)
    with Heartbeat(claim(first.folder, "test")):
        assert (queue.place(first), queue.place(second)) == (0, 1)


def test_short_runs_come_before_long_ones_but_none_waits_for_ever(monkeypatch):
    monkeypatch.setattr(queue, "KEPT", 0.0)
    done = submitted(training={"steps": 10})
    append_end = row(10, seconds=100.0, steps=10)
    metrics.append(claim(done.folder, "test").metrics, append_end)
    done.end("done", "")
    long, short = submitted(training={"steps": 100}), submitted(training={"steps": 2})
    known = submitted(training={"steps": 3}, model="another")
    assert [each.id for each in queue.line()] == [known.id, short.id, long.id]
    assert queue.expected_seconds([long, known]) == {long.id: 1000.0, known.id: 3 * queue.STEP}
    monkeypatch.setattr(index, "datetime", later := type("Later", (datetime,), {}))
    later.now = lambda tz: datetime.now(tz) + timedelta(seconds=2000)  # type: ignore[attr-defined]
    last = submitted(training={"steps": 2})
    assert [each.id for each in queue.line()] == [known.id, short.id, long.id, last.id]


def test_a_run_that_cannot_be_read_holds_up_no_line(monkeypatch):
    monkeypatch.setattr(queue, "KEPT", 0.0)
    good, wrong, unreadable = submitted(), submitted(training={"steps": "many"}), submitted()
    read = files.read_json

    def failing(path):
        if path.parent == unreadable.folder:
            raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(files, "read_json", failing)
    waiting = index.open_runs()
    line = queue.ordered(waiting, queue.expected_seconds(waiting))
    assert {run.id for run in line} == {good.id, wrong.id, unreadable.id}
    no_date = Run(good.folder.with_name("20261399-000000000000-abcdef"))
    assert queue.ordered([good, no_date], {good.id: 1.0, no_date.id: 1.0})[0] is no_date
