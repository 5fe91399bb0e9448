"""A worker's way through one run, in this process."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from cellflow_core.analysis.results import Scores
from cellflow_core.data.store import delete, open_dataset
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.device import choose_device
from cellflow_core.jobs.error_messages import user_message
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.jobs.export import Cells, provenance
from cellflow_core.jobs.export_script import script
from cellflow_core.jobs.process import peak_mb
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.models.clock import MEASURED
from cellflow_core.models.contract import Context
from cellflow_core.reporting.run_tables import of_recipe
from cellflow_core.runs import files, index
from cellflow_core.runs.weights import load_model
from tests.toys import drifting, recipe, stored


def trained(**changes):
    run = index.submit(recipe(changes.pop("dataset", None) or stored(), **changes))
    InProcess().start(run)
    return run


def test_a_run_trains_and_reopens_without_its_data():
    run = trained()
    status = run.status()
    assert (status.state, status.step, status.steps, status.message) == ("done", 40, 40, "")
    assert status.device.startswith("CPU (")
    assert run.history()["step"].tolist() == [10, 20, 30, 40]
    assert {"loss", "velocity", "validation"} <= run.history().keys()
    assert not index.open_runs() and not list((run.folder / "checkpoints").iterdir())
    delete(run.recipe.dataset)
    model = load_model(run)
    assert not model.training
    assert torch.isfinite(model.velocity(torch.zeros(5), torch.zeros(5, 2), Context())).all()  # type: ignore[operator]
    assert "from the start" in run.log()


def test_seeds_differ_and_the_same_seed_is_the_same():
    data = stored()
    a, b, c = (load_model(trained(dataset=data, seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_a_held_out_time_is_not_seen():
    run = trained(hold_out=1.0)
    assert run.status().state == "done" and run.spec.times == (0.0, 2.0)


def test_a_held_out_run_leaves_its_scores_behind():
    run = trained(hold_out=1.0, seed=1)
    path = analysis_cache.cache_path("scores", run.id, {})
    assert path.exists()
    found = analysis_cache.load("scores", path)
    assert isinstance(found, Scores) and found.time == 1.0 and found.from_previous == found.from_first
    assert found.previous.w1 == pytest.approx(2.0, abs=0.2) and 0 < found.midpoint.w1 < 0.5
    kept = list((open_dataset(run.recipe.dataset).folder / "baselines").iterdir())
    assert len(kept) == 1
    again = trained(dataset=run.recipe.dataset, hold_out=1.0, seed=2)
    other = analysis_cache.load("scores", analysis_cache.cache_path("scores", again.id, {}))
    assert isinstance(other, Scores) and other.midpoint == found.midpoint and other.from_previous != found.from_previous
    assert list((open_dataset(run.recipe.dataset).folder / "baselines").iterdir()) == kept


def test_scores_stay_when_another_seed_is_done():
    data = stored()
    held = trained(dataset=data, hold_out=1.0, group="g")
    path = analysis_cache.cache_path("scores", held.id, {})
    trained(dataset=data, seed=1, group="g")
    assert analysis_cache.cache_path("scores", held.id, {}) == path


def test_scores_that_cannot_be_computed_are_a_line_in_the_log():
    run = trained(hold_out=2.0)
    assert run.status().state == "done"
    assert "not scored at the held-out time: time 2 cannot be left out: it must be one of 1" in run.log()
    with pytest.raises(ValueError, match="every time"):
        analysis_cache.answer("scores", trained().id)


def test_the_most_memory_of_a_run_is_written_down():
    result = trained().result
    assert result is not None and 50 < result["peak_mb"] <= peak_mb() + 1
    held = np.ones(30_000_000)
    assert peak_mb() > result["peak_mb"] - 1 and peak_mb() > held.nbytes / 2**20
    call = "from cellflow_core.jobs.process import peak_mb; print(peak_mb())"
    child = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert float(child.stdout) < held.nbytes / 2**20  # what its parent holds is not counted as its own
    failed = trained(settings={"wide": 3}).result
    assert failed is not None and failed["peak_mb"] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fingerprint": "other"}, "has changed since this run was submitted"),
        ({"hold_out": 7.0}, "no cells at time 7; there are cells at 0, 1, 2"),
        ({"model": "nothing"}, "there is no model 'nothing'"),
        ({"settings": {"wide": 3}}, "there is no setting 'wide'; there are "),
        ({"training": {"steps": 0}}, "Training steps must be a whole number from 1 to 10000000, not 0 (setting steps)"),
    ],
)
def test_what_goes_wrong_is_one_sentence(changes, sentence):
    status = trained(**changes).status()
    assert status.state == "failed" and sentence in status.message and "\n" not in status.message


def test_a_data_set_that_is_gone_is_one_sentence():
    data = stored()
    run = index.submit(recipe(data))
    delete(data)
    InProcess().start(run)
    assert run.status().message.startswith(f"there is no data set '{data}'")
    assert "Traceback" in run.log()


def test_data_that_lack_something_are_refused_by_name():
    run = trained(dataset=stored(dataclasses.replace(open_dataset(stored()).snapshots(), t=np.zeros(180))))
    assert "needs cells at two or more times" in run.status().message


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_never_a_cpu_run():
    assert choose_device("auto")[0] == "cpu"
    status = trained(device="cuda").status()
    assert status.state == "failed" and "this machine shows no GPU" in status.message


def test_a_cancelled_run_does_not_begin():
    run = index.submit(recipe(stored()))
    run.cancel()
    InProcess().start(run)
    assert run.status().state == "cancelled" and not run.weights.exists()


def test_weights_are_asked_of_a_run_that_is_done():
    run = index.submit(recipe(stored()))
    with pytest.raises(ValueError, match="queued"):
        load_model(run)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("a sentence\nover two lines"), "a sentence over two lines"),
        (KeyError("no such gene"), "no such gene"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError("shape\nmore"), "RuntimeError: shape"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (OSError(28, "No space left on device"), "the disk is full"),
        (torch.OutOfMemoryError("CUDA out of memory"), "the memory of the GPU is used up"),
        (MemoryError(), "the memory of this machine is used up"),
    ],
)
def test_reasons(error, sentence):
    assert user_message(error).startswith(sentence) and "\n" not in user_message(error)


def test_a_run_goes_on_with_the_clock_it_began_with():
    """A run that wrote its spec before networks counted intervals keeps measured time, also as a script."""
    even = drifting()
    data = stored(dataclasses.replace(even, t=even.t**2))
    new, before = trained(dataset=data), index.submit(recipe(data))
    assert load_model(new).clock.times == (0.0, 1.0, 4.0)
    spec = dataclasses.asdict(dataclasses.replace(new.spec, positions=()))
    files.write_json(before.folder / "spec.json", spec)
    InProcess().start(before)
    assert load_model(before).clock == MEASURED
    fingerprint = before.recipe.fingerprint
    assert "COUNTS_INTERVALS = True" in script(new, fingerprint)
    assert "COUNTS_INTERVALS = False" in script(before, fingerprint)


def without_room(monkeypatch, most: int) -> None:
    """A GPU whose memory takes batches of so many cells at most."""
    from cellflow_core.models.flow_matching.i_cfm import ICFM

    usual = ICFM.loss

    def loss(self: ICFM, batch):
        if batch.x.shape[1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return usual(self, batch)

    monkeypatch.setattr(ICFM, "loss", loss)


def test_out_of_gpu_memory_half_the_batch_is_taken_once_and_said(monkeypatch):
    with monkeypatch.context() as patch:
        without_room(patch, 8)
        run = trained()
    status = run.status()
    assert status.state == "done" and "batch size of 8" in status.message and "batch size of 8" in run.log()
    assert run.training["batch_size"] == 8 and run.recipe.training["batch_size"] == 16
    cells = Cells(np.zeros((1, 2)), np.zeros(1), "none")
    assert '"batch_size": 8' in provenance(RunContext(run), cells)["recipe"]
    rows = of_recipe(run, status)
    assert "'batch_size': 8" in script(run, "") and rows["value"][rows["setting"].index("batch_size")] == "8"
    found, wanted = (load_model(each).state_dict() for each in (run, trained(training=run.training)))
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_where_half_the_batch_has_no_room_either_the_run_fails_with_a_sentence(monkeypatch):
    with monkeypatch.context() as patch:
        without_room(patch, 4)
        run = trained()
    assert run.status().state == "failed" and "memory of the GPU is used up" in run.status().message
    run.resume()
    InProcess().start(run)
    assert run.status().state == "done" and run.training["batch_size"] == 8, "it goes on as it was"
