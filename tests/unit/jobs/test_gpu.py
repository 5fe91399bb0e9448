"""Training on a GPU: the device that is said is the one that is used, and nothing of it is left in the weights."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.data.batch import as_tensors
from cellflow_core.jobs.device import choose_device
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.models import registry
from cellflow_core.runs import index
from cellflow_core.runs.weights import load_model
from cellflow_core.train.trainer import TrainConfig, fit
from tests.toys import SMALL, drifting, recipe, stored

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine shows no GPU"),
]
SHORT = TrainConfig(steps=40, batch_size=16, log_every=10)


def fitted(start=None, keep=None):
    """Trained on the GPU; keep: step whose checkpoint is returned too."""
    data, kept = drifting(), []
    model = registry.create("ot-cfm", SMALL, data.spec, 0, "cuda")
    fit(model, data, SHORT, lambda now: kept.append(now.checkpoint()) if now.step == keep else None, start, 0)
    return model, kept


def test_a_run_says_its_gpu_and_its_weights_open_without_one():
    run = index.submit(recipe(stored(), device="auto"))
    InProcess().start(run)
    assert run.status().state == "done" and run.status().device == choose_device("auto")[1]
    assert torch.cuda.get_device_name() in run.status().device
    model = load_model(run)
    assert {each.device.type for each in (*model.parameters(), *model.buffers())} == {"cpu"}


def test_cells_and_batches_stay_on_the_device_in_full_precision():
    data = drifting()
    frames = as_tensors(data, "cuda", data.spec)
    batch = frames.batch(8, torch.Generator("cuda").manual_seed(0))
    assert {each.device.type for each in frames.x} == {batch.x.device.type} == {"cuda"}
    assert batch.x.dtype == torch.float32 and not torch.is_autocast_enabled("cuda")
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_resumed_training_goes_on_with_the_same_draws():
    whole, (checkpoint,) = fitted(keep=20)
    resumed, _ = fitted(start=checkpoint)
    for name, value in whole.state_dict().items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_a_run_for_the_cpu_leaves_the_gpu_alone():
    before = torch.cuda.memory_allocated()
    run = index.submit(recipe(stored(), device="cpu"))
    InProcess().start(run)
    assert run.status().device.startswith("CPU") and torch.cuda.memory_allocated() == before
