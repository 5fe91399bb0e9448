"""Spirals: what turns which way, and how much of it is measured."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators.individuals.spirals import CLASSES, Settings, Spirals

pytestmark = pytest.mark.truth


def test_the_direction_is_that_of_the_turn_and_not_of_the_place() -> None:
    made = Spirals(Settings(noise=0.0, subjects=400)).trajectories()
    assert made.x.shape == (400 * 50, 2) and (made.labels["direction"] == np.resize(CLASSES, 400)).all()
    x, y = made.x.reshape(400, 50, 2).transpose(2, 0, 1).astype(float)
    area = x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:]  # above 0 where it turns anticlockwise
    assert ((area > 0).all(axis=1) == np.resize([False, True], 400)).all()
    radius = np.hypot(x, y)
    np.testing.assert_allclose(radius[:, -1], 2 * radius[:, 0], rtol=1e-4)
    first = np.stack([x[:, 0], y[:, 0]], axis=1)
    assert np.abs(first[::2].mean(axis=0) - first[1::2].mean(axis=0)).max() < 0.25  # where it begins says nothing


def test_a_share_of_the_points_is_measured_with_noise_of_the_stated_size() -> None:
    use = Settings(measured_share=0.3, subjects=300, noise=0.2)
    made = Spirals(use).trajectories()
    assert (np.bincount(made.subject) == 15).all() and len(made.times) == 50
    truth = Spirals(use).true_courses(made.times)
    error = made.x - truth[made.subject, np.searchsorted(made.times, made.t)]
    assert error.std() == pytest.approx(0.2, rel=0.05) and abs(error.mean()) < 0.01
    assert len(Spirals(Settings(measured_share=0.02, subjects=4)).simulate().x) == 8
