"""The run folder: ids, states, metrics that are torn, labels, trash."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cellflow_core import atomic_write
from cellflow_core.runs import attempt as attempt_module
from cellflow_core.runs import files, index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.heartbeat import Heartbeat
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.recipe import Recipe
from cellflow_core.workspace import current


def submitted(**changes):
    return index.submit(Recipe(**({"model": "i-cfm", "dataset": "d", "fingerprint": "f"} | changes)))


def row(step: int, loss: float = 1.0, **more):
    return {
        "phase": "flow",
        "step": step,
        "steps": 100,
        "losses": {"loss": loss},
        "validation": None,
        "seconds": step / 10,
    } | more


def test_a_recipe_survives_the_disk():
    recipe = Recipe("i-cfm", "d", "f", {"width": 8}, {"steps": 3}, hold_out=2.0, seed=4, group="g")
    assert index.open_run(index.submit(recipe).id).recipe == recipe


def test_a_stored_recipe_keeps_what_its_version_did_without_a_setting():
    stored = {"model": "metric-fm", "dataset": "d", "fingerprint": "f", "settings": {"width": 8}}
    assert Recipe.from_dict(stored).settings == {"width": 8, "metric_cells": "all"}
    today = Recipe("metric-fm", "d", "f", {"width": 8, "metric_cells": "interval"})
    assert Recipe.from_dict(today.as_dict()) == today
    assert Recipe.from_dict(stored | {"settings": {}}).settings == {}


def test_a_recipe_refuses_an_unknown_device():
    with pytest.raises(ValueError, match="device='tpu'"):
        Recipe("i-cfm", "d", "f", device="tpu")  # type: ignore[arg-type]


def test_runs_are_listed_newest_first_and_broken_folders_are_left_out():
    made = [submitted().id for _ in range(3)]
    (current().runs / "20260101-000000000000-aaaaaa").mkdir()
    (current().runs / "something-else-here").mkdir()
    broken = submitted()
    (broken.folder / "recipe.json").write_text('{"model": "i-c')
    assert [each.id for each in index.runs()] == made[::-1]
    (id, problem), *others = index.damaged_runs()
    assert (id, others) == (broken.id, []) and "recipe.json does not hold JSON" in problem
    assert broken.status().state == "queued"
    broken.delete()
    assert [each.id for each in index.open_runs()] == made


@pytest.mark.parametrize("id", ["../data", "..", "", "20260101-000000000000-aaaaaa/..", "/etc", "nothing"])
def test_an_id_never_leads_out_of_the_folder(id):
    with pytest.raises(KeyError, match="no run"):
        index.open_run(id)
    with pytest.raises(KeyError, match="in the trash"):
        index.restore(id)


def test_states_follow_from_what_is_in_the_folder():
    run = submitted()
    attempt = claim(run.folder, "test")
    with Heartbeat(attempt) as heartbeat:
        heartbeat.update(stage="preparing", device="CPU")
        status = run.status()
        assert (status.state, status.phase, status.device, status.attempt) == ("running", "preparing", "CPU", 1)
        metrics.append(attempt.metrics, row(10))
        metrics.append(attempt.metrics, row(20))
        status = run.status()
        assert (status.phase, status.step, status.steps) == ("flow", 20, 100)
        assert status.eta == pytest.approx(8.0)
    files.write_exclusive(attempt.folder / "exit.json", {"kind": "stopped", "message": ""})
    assert run.status().state == "queued"
    assert run.end("failed", "because") and not run.end("done", "")
    status = run.status()
    assert (status.state, status.message, status.step) == ("failed", "because", 20)
    assert not index.open_runs()


def test_a_claim_without_a_heartbeat_is_starting():
    run = submitted()
    claim(run.folder, "test")
    assert run.status().state == "starting"
    with pytest.raises(ValueError, match="cancel it first"):
        run.delete()


def test_a_process_that_has_not_claimed_is_starting_and_a_job_in_a_queue_is_queued():
    run = submitted()
    Lease(1).save(run.folder, executor="processes", pid=4)
    assert run.status().state == "starting"
    Lease(1).save(run.folder, executor="engine", job="17")
    assert run.status().state == "queued"


def test_a_lost_attempt_is_a_lost_run_until_the_next_one():
    run = submitted()
    claim(run.folder, "test").end("lost", "its worker stopped")
    assert run.status().state == "lost" and run.status().message == "its worker stopped; it is tried again"
    claim(run.folder, "test")
    assert run.status().state == "starting"


def test_a_worker_runs_while_its_heartbeat_counter_moves(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(attempt_module.time, "monotonic", lambda: now[0])
    run = submitted()
    attempt = claim(run.folder, "test")

    def beat(count: int) -> None:
        there = {"beat": count, "pid": 1, "host": "another", "device": "", "stage": ""}
        files.write_json(attempt.folder / "heartbeat.json", there)

    beat(1)
    assert run.status().state == "running"
    now[0] += 15
    beat(2)
    assert run.status().state == "running"
    now[0] += 15
    assert run.status().state == "running"
    now[0] += 6
    assert run.status().state == "lost"
    beat(3)
    assert run.status().state == "running"


def test_a_half_rewritten_heartbeat_is_no_error():
    run = submitted()
    attempt = claim(run.folder, "test")
    (attempt.folder / "heartbeat.json").write_text('{"beat": 1, "pi')
    assert run.status().state == "starting"


def test_metrics_leave_a_torn_end_unread_and_skip_a_torn_middle(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics.append(path, row(10))
    with path.open("ab") as file:
        file.write(b'{"step": 2\n[1]\n\xff\xfe\n')
    metrics.append(path, row(30))
    with path.open("ab") as file:
        file.write(b'{"step": 40, "los')
    rows, offset = metrics.read(path)
    assert [each["step"] for each in rows] == [10, 30]
    assert metrics.read(path, offset) == ([], offset)
    with path.open("ab") as file:
        file.write(b'ses": {}, "seconds": 1.0, "validation": null}\n')
    assert [each["step"] for each in metrics.read(path, offset)[0]] == [40]
    assert metrics.tail(path)[-1]["step"] == 40
    assert metrics.read(tmp_path / "none") == ([], 0)


def test_history_takes_the_later_attempt_where_steps_repeat():
    run = submitted()
    for losses in ((3.0, 2.0), (5.0,)):
        attempt = claim(run.folder, "test")
        for k, loss in enumerate(losses):
            metrics.append(attempt.metrics, row(20 - 10 * k if len(losses) == 1 else 10 * (k + 1), loss))
    metrics.append(attempt.metrics, row(20, losses={}))
    metrics.append(attempt.metrics, row(30, losses={"loss": 1.0, "score": 4.0}, validation=0.5))
    table = run.history()
    assert table["step"].tolist() == [10, 20, 30]
    assert table["loss"].tolist() == [3.0, 5.0, 1.0]
    np.testing.assert_array_equal(table["score"], [np.nan, np.nan, 4.0])
    np.testing.assert_array_equal(table["validation"], [np.nan, np.nan, 0.5])


def test_history_of_a_run_that_has_not_begun_is_empty():
    table = submitted().history()
    assert table["step"].tolist() == [] and table["validation"].tolist() == []


def test_a_label_changes_and_the_recipe_does_not():
    run = submitted(label="first")
    before = (run.folder / "recipe.json").read_bytes()
    run.rename("  second ")
    assert index.open_run(run.id).label == "second"
    assert (run.folder / "recipe.json").read_bytes() == before


def test_cancel_ends_a_run_that_nobody_works_on():
    run = submitted()
    run.cancel()
    assert run.status().state == "cancelled"
    run.cancel()
    run.resume()
    assert run.status().state == "queued" and not run.cancelled and index.open_runs()


def test_a_done_run_cannot_be_resumed():
    run = submitted()
    run.end("done", "")
    with pytest.raises(ValueError, match="done"):
        run.resume()


def test_delete_and_restore():
    run = submitted(label="kept")
    run.delete()
    assert not index.runs() and not index.open_runs()
    assert [each.id for each in index.deleted()] == [run.id]
    run.folder.mkdir()
    with pytest.raises(ValueError, match="already"):
        index.restore(run.id)
    run.folder.rmdir()
    assert index.restore(run.id).label == "kept"
    assert [each.id for each in index.runs()] == [run.id]


def test_a_run_in_training_is_not_deleted():
    run = submitted()
    with Heartbeat(claim(run.folder, "test")), pytest.raises(ValueError, match="cancel it first"):
        run.delete()


def test_siblings_share_a_group():
    group = index.new_group()
    a, b, _ = submitted(group=group), submitted(group=group, seed=1), submitted()
    assert [each.id for each in index.siblings(a)] == [b.id]
    assert index.siblings(_) == ()


def test_of_many_writers_the_first_one_wins(tmp_path):
    won = []
    gate = threading.Barrier(8)

    def write(k: int) -> None:
        gate.wait()
        won.append(files.write_exclusive(tmp_path / "result.json", {"by": k}))

    threads = [threading.Thread(target=write, args=(k,)) for k in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(won) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "label.json"
    files.write_json(path, {"label": "old"})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write.os, "fsync", full)
    with pytest.raises(OSError):
        files.write_json(path, {"label": "new"})
    assert files.read_json(path) == {"label": "old"}
    assert [each.name for each in tmp_path.iterdir()] == ["label.json"]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(files.DamagedRunError, match=r"recipe\.json"):
        files.read_json(tmp_path / "recipe.json")
