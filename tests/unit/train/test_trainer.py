"""A run that is interrupted anywhere ends in the weights of one that is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, Loss, Phase, Update
from cellflow_core.models.networks.time_mlp import TimeMLP
from cellflow_core.train import checkpoint
from cellflow_core.train.trainer import Progress, TrainConfig, fit, steps_by_phase
from tests.toys import SMALL, drifting

STEPS = TrainConfig(steps=24, batch_size=8, log_every=3)


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(8, "neurons", 1, 100)


class Staged(DynamicsModel):
    """Something prepared, then a network, then two that are trained by turns on what was prepared."""

    title, summary, paper = "staged", "for tests", "none"
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.first = TimeMLP(spec, spec.dim, config.width, 1)
        self.second = TimeMLP(spec, spec.dim, config.width, 1)
        self.register_buffer("mean", torch.zeros(spec.dim))

    def phases(self) -> tuple[Phase, ...]:
        one, two = self.first.parameters(), self.second.parameters()
        return (
            Phase("measure", prepare=self._measure),
            Phase("first", (Update(self._loss(self.first, 1.0), one),), step_fraction=2.0),
            Phase(
                "both",
                (
                    Update(self._loss(self.second, 2.0), two),
                    Update(self._loss(self.first, 3.0), self.first.parameters()),
                ),
                prepare=lambda frames, rng: torch.rand(4, generator=rng),
            ),
        )

    def _measure(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        self.mean.copy_(frames.x[0].mean(dim=0) + torch.rand(self.spec.dim, generator=rng))

    def _loss(self, net: TimeMLP, aim: float):
        def loss(batch: Batch) -> Loss:
            x = batch.x[0] + torch.randn(batch.x[0].shape, generator=batch.rng)
            pool = 0.0 if batch.pool is None else batch.pool.sum()
            total = (net(batch.times[0].expand(len(x)), x) - self.mean - aim - pool).square().mean()
            return Loss(total, {f"aim {aim:g}": total.detach()})

        return loss


class Stop(Exception):
    pass


def made(name: str) -> DynamicsModel:
    spec = drifting().spec
    if name == "staged":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return Staged(Settings(), spec)
    return registry.create(name, SMALL, spec, 0)


def reports(name: str) -> tuple[dict[str, torch.Tensor], list[Progress]]:
    """Weights and reports of an undisturbed training."""
    model, seen = made(name), []
    fit(model, drifting(), STEPS, seen.append, seed=5)
    return model.state_dict(), seen


@pytest.mark.parametrize("name", ["i-cfm", "ot-cfm", "staged"])
def test_interrupted_at_any_report_the_weights_are_the_same(name, tmp_path):
    wanted, whole = reports(name)
    for stop in range(len(whole)):
        path = tmp_path / f"{stop}.pt"
        seen: list[Progress] = []

        def report(progress: Progress, seen=seen, stop=stop, path=path) -> None:
            seen.append(progress)
            if len(seen) == stop + 1:
                checkpoint.save(path, progress.checkpoint())
                raise Stop

        with pytest.raises(Stop):
            fit(made(name), drifting(), STEPS, report, seed=5)
        model = made(name)
        fit(model, drifting(), STEPS, seen.append, checkpoint.load(path), seed=5)
        found = model.state_dict()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted), f"stopped at report {stop}"
        rows = {(each.phase, each.step): (dict(each.losses), each.validation) for each in seen}
        assert rows == {(each.phase, each.step): (dict(each.losses), each.validation) for each in whole}


def test_interrupted_twice(tmp_path):
    wanted, _ = reports("staged")
    start = None
    for stop in (4, 3):
        count = iter(range(100))

        def report(progress: Progress, count=count, stop=stop) -> None:
            if next(count) == stop:
                checkpoint.save(tmp_path / "c.pt", progress.checkpoint())
                raise Stop

        with pytest.raises(Stop):
            fit(made("staged"), drifting(), STEPS, report, start, seed=5)
        start = checkpoint.load(tmp_path / "c.pt")
    model = made("staged")
    fit(model, drifting(), STEPS, start=start, seed=5)
    assert all(torch.equal(model.state_dict()[key], wanted[key]) for key in wanted)


def test_the_random_state_of_others_decides_nothing():
    wanted, _ = reports("ot-cfm")
    torch.manual_seed(123)
    torch.rand(7)
    found, _ = reports("ot-cfm")
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_phases_share_the_steps_and_say_where_they_are():
    _, seen = reports("staged")
    assert [each.phase for each in seen] == ["measure"] + ["first"] * 6 + ["both"] * 3
    assert [each.step for each in seen] == [0, 3, 6, 9, 12, 15, 16, 19, 22, 24]
    assert {each.steps for each in seen} == {24}
    assert set(seen[-1].losses) == {"loss", "aim 2", "aim 3"}


@pytest.mark.parametrize(
    ("fractions", "steps", "wanted"),
    [
        ((1.0, 1.0, 1.0), 10, [4, 3, 3]),
        ((1.0, 1.0, 1.0, 1.0, 1.0), 8, [1, 1, 2, 2, 2]),
        ((0.001, 1.0, 2.0), 10, [1, 3, 6]),
        ((1.0, 1.0, 1.0), 2, [1, 1, 1]),
        ((1.0, 0.5, 0.5), 2001, [1001, 500, 500]),
    ],
)
def test_phases_take_together_the_steps_that_are_asked_for(fractions, steps, wanted):
    update = Update(lambda batch: Loss(torch.zeros(())), ())
    found = steps_by_phase(tuple(Phase("a", (update,), step_fraction=each) for each in fractions), steps)
    assert found == wanted
    assert steps_by_phase((Phase("nothing"),), steps) == [0]


def test_a_damaged_checkpoint_is_a_sentence(tmp_path):
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(b"nothing like it")
    with pytest.raises(ValueError, match=r"step-00000001\.pt"):
        checkpoint.load(path)


def test_data_that_lack_what_the_model_needs():
    data = drifting(times=1)
    assert DataRequirement.TIMES not in data.has
    with pytest.raises(ValueError, match="two"):
        fit(registry.create("i-cfm", SMALL, data.spec, 0), data, STEPS)


def test_a_preparation_that_takes_long_tells_how_far_it_is_and_can_be_cancelled():
    model, given = made("i-cfm"), []

    def prepare(frames, rng):
        yield from (0.25, 0.5, 1.0)
        model.pool = "ready"

    (phase,) = model.phases()
    model.phases = lambda: (replace(phase, prepare=prepare),)
    fit(model, drifting(), STEPS, given.append, seed=5)
    assert [each.prepared for each in given[:3]] == [0.25, 0.5, 1.0] and model.pool == "ready"
    assert all(each.checkpoint is None for each in given[:3]) and given[-1].prepared is None

    def cancel(progress: Progress) -> None:
        if progress.prepared == 0.5:
            raise Stop

    model.pool = ""
    with pytest.raises(Stop):
        fit(model, drifting(), STEPS, cancel, seed=5)
    assert model.pool == ""
