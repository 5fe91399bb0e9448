"""A surface that ends where the cells end: its edge is a smooth line instead of the steps of a grid, with a rim."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray
SMOOTH = 6
"""Passes of a binomial kernel that round the edge: 1.7 grid steps wide."""
RIM = 7
"""Grid steps that the rim reaches beyond the edge."""
RISE = 0.1
"""How far the rim rises, as a share of the surface's height."""


class Mesh(NamedTuple):
    """Places and heights of a surface, [rows, columns] each, NaN where it is not; far: from its edge, 0 to 1."""

    x: Array
    y: Array
    z: Array
    far: Array

    def cropped(self) -> Mesh:
        """Without the rows and columns that hold nothing."""
        known = np.isfinite(self.z)
        (top, bottom), (left, right) = (np.flatnonzero(known.any(axis=axis))[[0, -1]] for axis in (1, 0))
        return Mesh(*(each[top : bottom + 1, left : right + 1] for each in self))


def surface_and_rim(x: Array, y: Array, height: Array) -> tuple[Mesh, Mesh]:
    """The surface of heights [rows, columns] over the places x [columns] and y [rows], NaN where no cell is near, with
    its outermost points moved onto a smooth edge; and a rim from that edge outwards that rises, so that a valley looks
    like one from its side: nothing was calculated there."""
    height, x, y = _margin(height), _extended(x), _extended(y)
    known = np.isfinite(height)
    edge = blurred(known.astype(float))
    filled = continued(height, known)
    gx, gy = np.meshgrid(np.arange(len(x), dtype=float), np.arange(len(y), dtype=float))
    column, row = _onto_edge(edge, gx, gy)
    inside = edge >= 0.5
    z = _at(filled, column, row)
    ring = _dilated(inside) & ~inside
    body = np.where(inside, filled, np.where(ring, z, np.nan))
    far = _distance(inside)
    outward = np.where(inside & _dilated(~inside), 0.0, far)
    beyond = (outward <= RIM) & (~inside | _dilated(~inside))
    share = np.clip(outward / RIM, 0, 1)
    risen = z + float(np.ptp(height[known])) * (RISE * share**2 - 0.003)  # under the surface where both lie
    place = [np.interp(each, np.arange(len(axis)), axis) for each, axis in ((column, x), (row, y))]
    plain = np.meshgrid(x, y)
    shown = [np.where(inside, a, b) for a, b in zip(plain, place, strict=True)]
    around = [np.where(beyond & (outward < 1), b, a) for a, b in zip(plain, place, strict=True)]
    surface = Mesh(shown[0], shown[1], body, share)
    rim = Mesh(around[0], around[1], np.where(beyond, risen, np.nan), share)
    return surface.cropped(), rim.cropped()


def _margin(height: Array) -> Array:
    return np.pad(height, RIM, constant_values=np.nan)


def _extended(axis: Array) -> Array:
    step = axis[1] - axis[0]
    return np.concatenate([axis[0] - step * np.arange(RIM, 0, -1), axis, axis[-1] + step * np.arange(1, RIM + 1)])


def blurred(values: Array, passes: int = SMOOTH) -> Array:
    """Passes of the kernel 1/4, 1/2, 1/4 along both axes."""
    for _ in range(passes):
        for axis in (0, 1):
            before, after = np.roll(values, 1, axis), np.roll(values, -1, axis)
            values = (before + 2 * values + after) / 4
    return values


def continued(height: Array, known: Array) -> Array:
    """The heights, continued outwards by means of those that are near."""
    filled, there = np.where(known, height, 0.0), known.astype(float)
    for _ in range(RIM + 3):
        sums, weight = blurred(filled * there, 1), blurred(there, 1)
        new = (there == 0) & (weight > 0)
        filled = np.where(new, sums / np.where(weight > 0, weight, 1), filled)
        there = np.where(new, 1.0, there)
    return filled


def _dilated(mask: Array) -> Array:
    """The mask and the eight neighbors of each of its points."""
    tall = mask | np.roll(mask, 1, 0) | np.roll(mask, -1, 0)
    return tall | np.roll(tall, 1, 1) | np.roll(tall, -1, 1)


def _distance(inside: Array) -> Array:
    """Steps from the mask, counted alternately with four and eight neighbors; beyond the rim RIM + 1."""
    far, reached = np.where(inside, 0.0, RIM + 1.0), inside
    for step in range(1, RIM + 1):
        wider = reached | np.roll(reached, 1, 0) | np.roll(reached, -1, 0) | np.roll(reached, 1, 1)
        wider = _dilated(reached) if step % 2 else wider | np.roll(reached, -1, 1)
        far = np.where(wider & ~reached, float(step), far)
        reached = wider
    return far


def _onto_edge(edge: Array, column: Array, row: Array) -> tuple[Array, Array]:
    """Places next to the edge moved onto it along its gradient, by at most a step and a half: two steps of Newton."""
    down, right = np.gradient(edge)
    start = column, row
    for _ in range(2):
        value, slope_x, slope_y = (_at(each, column, row) for each in (edge, right, down))
        size = np.maximum(slope_x**2 + slope_y**2, 1e-6)
        move = (0.5 - value) / size
        column, row = column + move * slope_x, row + move * slope_y
        column = np.clip(column, start[0] - 1.5, start[0] + 1.5)
        row = np.clip(row, start[1] - 1.5, start[1] + 1.5)
    return column, row


def _at(values: Array, column: Array, row: Array) -> Array:
    """Values at places in grid steps, bilinear."""
    rows, columns = values.shape
    column, row = np.clip(column, 0, columns - 1.001), np.clip(row, 0, rows - 1.001)
    c, r = column.astype(int), row.astype(int)
    a, b = column - c, row - r
    low = (1 - a) * values[r, c] + a * values[r, c + 1]
    return (1 - b) * low + b * ((1 - a) * values[r + 1, c] + a * values[r + 1, c + 1])
