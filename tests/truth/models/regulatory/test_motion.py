"""The three sources of motion, on fields that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.krumsiek import GENES, Krumsiek, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.models.gene_fields.motion import Motion, MotionSettings
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.regulatory.simulated import auroc, trained

pytestmark = pytest.mark.truth
UNITS = np.array([1.0, 100.0, 0.01])
RATES = np.array([[-1.0, 0.0, 0.0], [2.0, -1.0, 0.0], [0.0, -1.0, -0.5]])
"""dx/dt = RATES x, in units of the genes."""


def linear(seed: int = 0) -> Snapshots:
    """Forty individuals that follow a linear equation at uneven times, with their velocities."""
    rng = np.random.default_rng(seed)
    times = np.array([0.0, 0.3, 0.5, 1.0, 1.2])
    start = rng.normal(size=(40, 3))
    x = np.concatenate([start @ expm(RATES * t).T for t in times])
    subject = np.tile(np.arange(40), len(times))
    velocity = (x @ RATES.T * UNITS).astype(np.float32)
    space = AffineSpace.of_genes(("A", "B", "C"))
    return Snapshots(x * UNITS + 5, np.repeat(times, 40), space, "h", velocity=velocity, subject=subject)


def prepared(data: Snapshots, kind: str):
    motion = Motion(MotionSettings(motion=kind, horizon=3), data.spec)
    frames = SnapshotTensors.from_snapshots(data)
    if kind == "series":
        frames = TrajectoryTensors.from_trajectories(Trajectories.from_snapshots(data), spec=data.spec)
    pool = motion.prepare(frames, torch.Generator().manual_seed(0))
    return motion, frames.batch(30, torch.Generator().manual_seed(1), pool)


def true_rates(motion: Motion):
    """The equation of `linear` in the scaled units."""
    weight = torch.tensor(RATES * UNITS[:, None] / UNITS, dtype=torch.float32)
    return lambda z: motion.span / motion.unit * ((z * motion.unit + motion.shift - 5) @ weight.T)


@pytest.mark.parametrize(("kind", "most"), [("velocity", 1e-8), ("series", 1e-5), ("times", 0.6)])
def test_the_true_field_has_the_least_error(kind, most):
    """0 but for steps of the solver; pairs of other individuals leave some. No motion has an error of 1."""
    motion, batch = prepared(linear(), kind)
    batch.rng.manual_seed(1)
    assert motion.error(true_rates(motion), batch) < most
    batch.rng.manual_seed(1)
    assert motion.error(torch.zeros_like, batch) == pytest.approx(1.0, rel=1e-4)


def test_fields_have_the_units_of_the_data():
    """Whatever the units of genes and time: 1e-4 of the velocity."""
    data = linear()
    motion, _ = prepared(data, "velocity")
    x = torch.from_numpy(data.x)
    found = motion.velocity(true_rates(motion), x).numpy()
    np.testing.assert_allclose(found / UNITS, data.velocity / UNITS, atol=1e-3)


def test_the_scale_is_that_of_the_training_cells():
    motion, _ = prepared(linear(), "times")
    before = {name: value.clone() for name, value in motion.state_dict().items()}
    other = linear(seed=1)
    motion.prepare(SnapshotTensors.from_snapshots(replace(other, x=3 * other.x)), torch.Generator())
    assert all(torch.equal(value, before[name]) for name, value in motion.state_dict().items())


def test_rows_close_in_time_do_not_set_the_unit_of_time():
    """Noise between rows that lie 1e-4 apart is a speed of thousands; the unit of time changes by less than half."""
    data = linear()
    first = data.take(data.t == 0.0)
    again = first.x + 0.05 * UNITS * np.random.default_rng(1).normal(size=first.x.shape)
    known = {"subject": np.concatenate([data.subject, first.subject])}
    both = Snapshots(
        np.concatenate([data.x, again]), np.concatenate([data.t, first.t + 1e-4]), data.space, "h", channels=known
    )
    plain, noisy = (prepared(each, "series")[0].span for each in (data, both))
    assert noisy == pytest.approx(plain, rel=0.5)


def test_no_motion_is_refused():
    data = linear()
    with pytest.raises(ValueError, match="no cell moves"):
        prepared(replace(data, velocity=np.zeros_like(data.x)), "velocity")


def test_far_states_come_back():
    """A field that grows without end stays within the measured range and half of it on either side."""
    motion, _ = prepared(linear(), "velocity")
    z = torch.full((4, 3), 50.0)
    for _ in range(400):
        z = z + 0.05 * motion.within(lambda each: 0.3 * each)(z)
    assert (z - motion.high).max() < 0.3 * motion.high.max() + 1e-3


@pytest.mark.parametrize(
    ("motion", "needs"),
    [
        ("times", {DataRequirement.TIMES}),
        ("velocity", {DataRequirement.VELOCITY}),
        ("series", {DataRequirement.TIMES, DataRequirement.SUBJECTS}),
    ],
)
def test_each_source_says_what_it_needs(motion, needs):
    kind = registry.find("c-node")
    assert kind.required_data(kind.Config(motion=motion)) == needs | {DataRequirement.GENE_AXES}


def test_velocities_of_a_known_circuit_give_its_edges():
    """AUROC at least 0.9 from true velocities, without a second time."""
    simulator = Krumsiek(Settings(cells_per_time=200))
    cells = simulator.simulate()
    velocity = simulator.drift(0.0, cells.x).astype(np.float32)
    data = Snapshots(cells.x, None, AffineSpace.of_genes(GENES), "day", velocity=velocity)
    model = trained("c-node", data, motion="velocity")
    assert auroc(model.network().numpy(), simulator.network()) > 0.9


def test_individuals_are_followed():
    """Those that were not trained on end within 0.15 standard deviations (root mean square) of where they were."""
    data = linear()
    seen, new = data.take(data.subject < 32), data.take(data.subject >= 32)
    model = registry.create("c-node", {"motion": "series", "sparsity": 0.0, "horizon": 4}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", type(model), steps=300, batch_size=32), seed=0)
    found = simulate(model, new.at(0.0), [0.0, 1.2]).x[-1]
    assert np.sqrt(np.square((found - new.at(1.2)) / new.x.std(axis=0)).mean()) < 0.15
