"""Cubic ways against scipy's monotone interpolation, and their derivative against differences."""

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from cellflow_core.math.spline import hermite_offset, hermite_offset_derivative, monotone_slope


def test_the_slopes_are_those_of_scipys_monotone_interpolation():
    times = np.array([0.0, 1.0, 6.0, 7.5])
    course = np.random.default_rng(0).normal(size=(4, 50)).cumsum(axis=0)
    slopes = torch.from_numpy(np.diff(course, axis=0) / np.diff(times)[:, None])

    found = monotone_slope(slopes[:1], slopes[1:2], 1.0, 5.0)[0].numpy()

    expected = PchipInterpolator(times, course).derivative()(1.0)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert (found == 0).any() and (found != 0).any()


def test_a_path_between_two_points_is_scipys():
    times = np.array([0.0, 1.0, 6.0, 7.5])
    course = np.random.default_rng(1).normal(size=(4, 20)).cumsum(axis=0)
    whole = PchipInterpolator(times, course)
    points = torch.from_numpy(course)
    slopes = (points[1:] - points[:-1]) / torch.from_numpy(np.diff(times))[:, None]
    before, own, after = slopes.split(1)
    bend0 = 5.0 * (monotone_slope(before, own, 1.0, 5.0) - own)
    bend1 = 5.0 * (monotone_slope(own, after, 5.0, 1.5) - own)

    s = torch.full((1, 1), 0.3, dtype=torch.float64)
    found = (torch.lerp(points[1], points[2], 0.3) + hermite_offset(s, bend0, bend1))[0]

    np.testing.assert_allclose(found.numpy(), whole(1.0 + 0.3 * 5.0), atol=1e-10)


def test_the_slope_of_the_path_is_the_derivative():
    bend0, bend1 = torch.randn(2, 8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    s = torch.linspace(0, 1, 8, dtype=torch.float64)[:, None]
    h = 1e-5
    by_differences = (hermite_offset(s + h, bend0, bend1) - hermite_offset(s - h, bend0, bend1)) / (2 * h)

    torch.testing.assert_close(hermite_offset_derivative(s, bend0, bend1), by_differences, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(hermite_offset_derivative(s[:1], bend0[:1], bend1[:1]), bend0[:1])
    torch.testing.assert_close(hermite_offset_derivative(s[-1:], bend0[-1:], bend1[-1:]), bend1[-1:])
