"""Outlines around cells."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.math.polygon import format_polygon, in_polygon, parse_polygon


def test_polygons_hold_what_lies_in_them():
    square = [(0, 0), (2, 0), (2, 2), (0, 2)]
    points = np.array([[1.0, 1.0], [3.0, 1.0], [-0.1, 0.5], [1.9, 0.1]])
    assert in_polygon(points, np.array(square)).tolist() == [True, False, False, True]
    hollow = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    assert in_polygon(np.array([[2.0, 3.0], [0.5, 2.0]]), np.array(hollow)).tolist() == [False, True]
    with pytest.raises(ValueError, match="corners"):
        in_polygon(points, np.array(square[:2]))


def test_an_outline_is_text_and_back():
    polygon = ((-1.5, 2.0), (3.25, 1e-3), (0.0, 7.0))
    assert parse_polygon(format_polygon(polygon)).tolist() == [list(each) for each in polygon]


@pytest.mark.parametrize("text", ["", "1,2 3,4", "1,2 3 4,5", "a,b c,d e,f", "1,2 3,4 nan,5", "1,2,3 4,5,6 7,8,9"])
def test_what_is_no_outline_is_told(text):
    with pytest.raises(ValueError, match="corners"):
        parse_polygon(text)
