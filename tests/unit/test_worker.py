"""A worker's way through one run, in this process."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from cellflow_core.data.store import delete, open_dataset
from cellflow_core.jobs.executor import InProcess
from cellflow_core.jobs.reasons import reason
from cellflow_core.jobs.worker import choose_device
from cellflow_core.runs import index
from cellflow_core.runs.weights import load_model
from tests.toys import recipe, stored


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
    assert torch.isfinite(model.velocity(torch.zeros(5), torch.zeros(5, 2), {})).all()  # type: ignore[operator]
    assert "from the start" in run.log()


def test_seeds_differ_and_the_same_seed_is_the_same():
    data = stored()
    a, b, c = (load_model(trained(dataset=data, seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_a_held_out_time_is_not_seen():
    run = trained(hold_out=1.0)
    assert run.status().state == "done" and run.spec.times == (0.0, 2.0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fingerprint": "other"}, "has changed since this run was submitted"),
        ({"hold_out": 7.0}, "no cells at time 7; there are cells at 0, 1, 2"),
        ({"model": "nothing"}, "there is no model 'nothing'"),
        ({"settings": {"wide": 3}}, "has no setting wide"),
        ({"training": {"steps": 0}}, "steps=0 is below 1"),
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
    with pytest.raises(ValueError, match="has no trained model: it is queued"):
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
    assert reason(error).startswith(sentence) and "\n" not in reason(error)
