"""Metric Flow Matching on a curved manifold that is known: cells on an arc of radius 20, early ones to the right.

Cells of both times lie all along the arc, as they do not develop in step. The straight way between paired cells cuts
the arc off; how far the cells half-way are from it is the error.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.riemannian_metric import Kind, metric
from cellflow_core.models import registry
from cellflow_core.models.flow_matching.metric_fm import MetricFM
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
RADIUS, CENTRE = 20.0, 100.0


def arc(cells: int = 400) -> Snapshots:
    rng = np.random.default_rng(0)
    angle = np.pi * np.concatenate([rng.beta(1.5, 4.0, cells), rng.beta(4.0, 1.5, cells)])
    radius = RADIUS + rng.normal(size=len(angle)) * 0.4
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + CENTRE
    return Snapshots(x, np.repeat([2.0, 6.0], cells), AffineSpace.coordinates(("a", "b")))


def off_the_arc(name: str, **settings) -> float:
    """Mean distance of the cells half-way to the arc."""
    data = arc()
    model = registry.create(name, settings, data.spec, seed=0)
    changes = {"steps": 1200, "batch_size": 128, "validation_fraction": 0.0, "learning_rate": 1e-2, "ema_decay": 0.98}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=0)
    middle = simulate(model, data.at(2.0), [2.0, 4.0]).x[-1] - CENTRE
    return float(np.abs(np.linalg.norm(middle, axis=1) - RADIUS).mean())


def test_ways_bend_along_the_arc():
    """Half-way within 1.8 of the arc, which has radius 20, where the straight ways of OT-CFM are over 4 away."""
    assert off_the_arc("ot-cfm") > 4.0
    assert off_the_arc("metric-fm", bandwidth=4.0, floor=0.1) < 1.8


@pytest.mark.parametrize("kind", ["land", "rbf"])
@pytest.mark.parametrize(("cells", "changes"), [("interval", False), ("all", True)])
def test_the_metric_of_an_interval_is_that_of_its_two_times(kind, cells, changes):
    """Moving the cells of the last of three times by 3 changes the metric of the first interval to the last digit not
    at all, of the second by over a tenth; with the cells of all times there is one metric, which changes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 80, 2))
    at, found = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)), []
    for moved in (0.0, 3.0):
        last = x + np.array([0.0, 0.0, moved])[:, None, None]
        data = Snapshots(last.reshape(-1, 2), np.repeat([0.0, 1.0, 2.0], 80), AffineSpace.coordinates(("a", "b")))
        model = registry.create("metric-fm", {"metric": kind, "metric_cells": cells, "clusters": 10}, data.spec, seed=0)
        assert isinstance(model, MetricFM)
        frames = SnapshotTensors.from_snapshots(data)
        found.append([each(at) for each in model.metrics(frames, torch.Generator().manual_seed(0))])
    (first, *others), (again, *changed) = found
    assert torch.equal(first, again) != changes
    assert len(others) == (0 if changes else 1)
    for before, after in zip(others, changed, strict=True):
        assert ((before - after).abs() > 0.1 * before).any()


@pytest.mark.parametrize("kind", ["land", "rbf"])
def test_space_is_long_away_from_the_cells(kind: Kind):
    """In any unit, and with clusters of equal cells; the middle of the arc's chord is over five times as long."""
    cells = torch.from_numpy(arc().x).float() - CENTRE
    for unit in (1.0, 1e-3):
        made = metric(kind, cells * unit, 2.0, 0.1, 1.0, 40, torch.Generator().manual_seed(0))
        among, away = made(cells * unit).median(), made(torch.tensor([[0.0, 0.0]]) * unit)
        assert float(among) == pytest.approx(1 / 1.1, rel=0.15)
        assert float(away.min() / among) > 5
    twins = torch.cat([torch.zeros(30, 2), torch.ones(30, 2) * 5, torch.randn(30, 2)])
    made = metric(kind, twins, 1.0, 0.1, 1.0, 20, torch.Generator().manual_seed(0))
    assert torch.isfinite(made(torch.randn(7, 2))).all()


def test_the_speed_is_the_derivative_of_the_path():
    """Against differences of the way itself; both ends stay where they are."""
    data = arc(30)
    model = registry.create("metric-fm", {"width": 16, "depth": 2}, data.spec, seed=0)
    assert isinstance(model, MetricFM)
    ends = [torch.from_numpy(data.at(time)).float() for time in (2.0, 6.0)]
    share, step = torch.linspace(0.1, 0.9, 30), 1e-2
    with torch.no_grad():
        _, speed = model.path.path(ends[0], ends[1], share)
        before, after = (model.path.path(ends[0], ends[1], share + each)[0] for each in (-step, step))
        torch.testing.assert_close(speed, (after - before) / (2 * step), atol=0.02, rtol=1e-2)
        for s, end in zip((0.0, 1.0), ends, strict=True):
            torch.testing.assert_close(model.path.path(ends[0], ends[1], torch.full((30,), s))[0], end)
