"""Position among the measured times, and what models say brought back to measured time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.clock import Clock
from tests import toys

CLOCK = Clock((0.0, 1.0, 6.0, 24.0), (0.0, 1.0, 2.0, 3.0))
PLACES = {-1.0: (-1.0, 1.0), 0.0: (0.0, 1.0), 0.5: (0.5, 1.0), 1.0: (1.0, 0.2), 3.5: (1.5, 0.2), 6.0: (2.0, 1 / 18)}
PLACES |= {24.0: (3.0, 1 / 18), 42.0: (4.0, 1 / 18)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_positions_are_linear_between_measured_times_and_go_on_beyond(dtype: torch.dtype):
    t = torch.tensor([*PLACES], dtype=dtype)
    position, speed = (torch.tensor(each, dtype=dtype) for each in zip(*PLACES.values(), strict=True))
    torch.testing.assert_close(CLOCK.position(t), position)
    torch.testing.assert_close(CLOCK.speed(t), speed)
    torch.testing.assert_close(CLOCK.time(position), t)


def test_a_measured_time_has_exactly_its_position():
    times = tuple(sorted(np.random.default_rng(0).uniform(0, 100, 12)))
    clock = Clock(times, tuple(map(float, range(12))))
    assert clock.positions_of(times) == [*map(float, range(12))]
    assert clock.position(torch.tensor(times)).tolist() == [*map(float, range(12))]


def test_what_is_just_before_a_knot_stays_before_it():
    """Of 32 bits, where rounding would lead to the knot itself."""
    clock = Clock((1.0, 2.0, 4.5, 96.3), (0.0, 1.0, 2.0, 3.0))
    times, positions = torch.tensor(clock.times), torch.tensor(clock.positions)
    below = torch.nextafter(positions[1:3], torch.zeros(2))
    assert (clock.time(below) < times[1:3]).all() and (clock.position(clock.time(below)) < positions[1:3]).all()
    assert (clock.position(torch.nextafter(times[1:3], torch.zeros(2))) < positions[1:3]).all()
    assert torch.equal(clock.time(positions), times) and torch.equal(clock.position(times), positions)


def test_even_times_and_specs_of_before_have_no_clock():
    even = toys.drifting().spec
    assert even.positions == even.times and Clock.of(even) == Clock()
    assert Clock.of(replace(even, times=(0.0, 1.0, 9.0), positions=())) == Clock()
    alone = toys.drifting(times=1).spec
    assert alone.positions == () and Clock.of(alone) == Clock()
    t = torch.tensor([0.0, 7.0])
    assert Clock().position(t) is t and Clock().time(t) is t and Clock().speed(t).tolist() == [1.0, 1.0]


def test_a_spec_goes_to_the_clock_and_back():
    spec = uneven().spec
    clock = Clock.of(spec)
    inner = clock.inner(spec)
    assert (inner.times, inner.interval, spec.interval) == ((0.0, 1.0, 2.0), 1.0, 5.0)
    assert clock.outer(inner) == spec
    assert DataSpec.from_dict({"dim": 1, "times": [0, 3], "center": [0], "scale": 1, "interval": 3}).positions == ()


def test_rates_of_cells_become_rates_of_the_interval_that_follows():
    data = uneven()
    data = replace(data, channels={"growth": np.ones(len(data.x)), "velocity": np.ones_like(data.x)})
    given = SnapshotTensors.from_snapshots(data)
    clocked = Clock.of(data.spec).frames(given)
    assert clocked.times.tolist() == [0.0, 1.0, 2.0]
    for name in ("growth", "velocity"):
        assert [float(each.mean()) for each in clocked.cell_data[name]] == [2.0, 8.0, 8.0]
    assert all(a is b for a, b in zip(clocked.x, given.x, strict=True))


def test_only_networks_count_intervals():
    spec = uneven().spec
    assert registry.create("i-cfm", {"width": 8, "depth": 1}, spec, 0).spec.times == (0.0, 1.0, 2.0)
    for name in ("ot-displacement", "gaussian-sb"):
        assert registry.create(name, {}, spec, 0).spec == spec


def uneven() -> Snapshots:
    rng = np.random.default_rng(0)
    t = np.repeat([0.0, 2.0, 10.0], 20)
    return Snapshots(rng.normal(size=(60, 2)), t, AffineSpace.coordinates(("a", "b")), "h")
