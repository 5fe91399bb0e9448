"""A regular grid over a 2-D view: densities and averages of cells on it, and where there are cells at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt, gaussian_filter, label, map_coordinates

Array = np.ndarray
NEAR = 2.0
"""Widths of the kernel within which a cell is near."""
ISLAND = 0.01
"""Share of the cells below which a part of the map by itself is left out."""


@dataclass(frozen=True)
class Grid:
    """x [columns], y [rows] ascending and evenly spaced; width: standard deviation of the kernel, in the view's units
    along each axis; least: density per cell below which a place counts as empty."""

    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    width: tuple[float, float]
    points: Float[Array, "cells 2"]

    @classmethod
    def over(cls, points: Float[Array, "cells 2"], size: int = 64) -> Grid:
        """A grid of size x size around these cells, with a kernel that narrows as cells grow in number.

        The width is 0.15 n^(-1/6) of the extent that 98 % of the cells span: 4 % of it for 3,000 cells.
        """
        low, high = np.quantile(points, [0.01, 0.99], axis=0)
        extent = np.where(high > low, high - low, 1.0)
        width = 0.15 * max(len(points), 10) ** (-1 / 6) * extent
        begin = np.maximum(points.min(axis=0), low - extent) - 2 * width
        end = np.minimum(points.max(axis=0), high + extent) + 2 * width
        x, y = (np.linspace(begin[k], end[k], size) for k in range(2))
        return cls(x, y, (float(width[0]), float(width[1])), np.asarray(points, dtype=np.float64))

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.y), len(self.x)

    @property
    def _steps(self) -> Array:
        return np.array([self.x[1] - self.x[0], self.y[1] - self.y[0]])

    def _place(self, points: Array) -> Array:
        """Position of each point in units of grid steps, [points, 2] as (column, row)."""
        return (np.asarray(points, dtype=np.float64) - [self.x[0], self.y[0]]) / self._steps

    def _smooth(self, points: Array, weight: Array, scale: float = 1.0) -> Array:
        """Sum of weighted kernels at the grid points; the kernel integrates to one over the view."""
        place = self._place(points)
        columns, rows = len(self.x), len(self.y)
        seen = (place >= 0).all(axis=1) & (place <= [columns - 1, rows - 1]).all(axis=1)
        place, weight = place[seen], np.asarray(weight, dtype=np.float64)[seen]
        floor = np.minimum(place.astype(int), [columns - 2, rows - 2])
        part = place - floor
        sums = np.zeros(rows * columns)
        for right in (0, 1):
            for up in (0, 1):
                share = np.abs(1 - right - part[:, 0]) * np.abs(1 - up - part[:, 1])
                flat = (floor[:, 1] + up) * columns + floor[:, 0] + right
                sums += np.bincount(flat, share * weight, minlength=rows * columns)
        sigma = scale * np.array(self.width[::-1]) / self._steps[::-1]
        smooth = gaussian_filter(sums.reshape(rows, columns), sigma, mode="constant", truncate=4.0)
        return np.maximum(smooth, 0.0) / self._steps.prod()

    def density(self, points: Float[Array, "n 2"], weight: Array | None = None, scale: float = 1.0) -> Array:
        """Kernel density estimate (1 / view^2) of points with weights that are made to sum to one.

        scale  widens the kernel. Points outside the grid count in the total but not on the grid.
        """
        weight = np.ones(len(points)) if weight is None else np.asarray(weight, dtype=np.float64)
        return self._smooth(points, weight / weight.sum(), scale)

    def support(self, points: Array, scale: float = 1.0) -> Float[Array, "rows columns"]:
        """How many of these points the mean at a grid point is taken of: (sum w)^2 / sum w^2 with the weights of the
        kernel (Kish 1965), which for a Gaussian one is its area, 4 pi times the product of the widths, by density."""
        area = 4 * np.pi * self.width[0] * self.width[1] * scale**2
        return area * len(points) * self.density(points, scale=scale)

    def average(self, points: Array, values: Array, scale: float = 1.0) -> Array:
        """Kernel-weighted mean of values [n] or [n, k] at the grid points, [rows, columns] or [rows, columns, k]."""
        below = self._smooth(points, np.ones(len(points)), scale)
        flat = np.asarray(values, dtype=np.float64).reshape(len(points), -1)
        tops = [_with_signs(self, points, column, scale) for column in flat.T]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.stack([np.where(below > 1e-300, top / below, np.nan) for top in tops], axis=-1)
        return means[..., 0] if np.ndim(values) == 1 else means

    @cached_property
    def inside(self) -> Bool[Array, "rows columns"]:
        """Where the cells the grid was laid over are at least as dense as around 98 % of them."""
        return self.inside_of(self.points)

    def inside_of(self, points: Array) -> Bool[Array, "rows columns"]:
        """Where these cells are at least as dense as around 98 % of them."""
        density = self.density(points)
        return density >= max(np.quantile(self.at(density, points), 0.02), 1e-300)

    @cached_property
    def near(self) -> Bool[Array, "rows columns"]:
        """Where a cell is near, no farther than NEAR widths. Islands of less than ISLAND of the cells are left out."""
        alone = np.exp(-(NEAR**2) / 2) / (2 * np.pi * self.width[0] * self.width[1])
        there = self.density(self.points) * len(self.points) >= alone
        islands = np.zeros(self.shape, int)
        label(there, np.ones((3, 3)), output=islands)
        held = np.bincount(islands.ravel()[self._flat(self.points)], minlength=islands.max() + 1)
        kept = held >= ISLAND * len(self.points)
        return there & kept[islands]

    def _flat(self, points: Array) -> Array:
        """Flat index of the grid point nearest to each point."""
        rows, columns = self.shape
        place = np.clip(np.rint(self._place(points)).astype(int), 0, [columns - 1, rows - 1])
        return place[..., 1] * columns + place[..., 0]

    def covered(self, points: Float[Array, "... 2"], region: Bool[Array, "rows columns"]) -> Array:
        """Which points have a grid point of the region nearest to them."""
        place = self._place(points)
        rows, columns = self.shape
        there = (place >= -0.5).all(axis=-1) & (place < np.array([columns, rows]) - 0.5).all(axis=-1)
        return there & region.ravel()[self._flat(points)]

    def nearest(self, values: Array, points: Float[Array, "... 2"]) -> Array:
        """Value of the grid point nearest to each point."""
        return values.ravel()[self._flat(points)]

    def at(self, surface: Float[Array, "rows columns"], points: Array) -> Array:
        """Height of a surface at points [..., 2], bilinear; outside its filled part that of the nearest filled."""
        filled = surface
        empty = ~np.isfinite(surface)
        if empty.all():
            return np.full(points.shape[:-1], np.nan)
        if empty.any():
            nearest = distance_transform_edt(empty, return_distances=False, return_indices=True)
            filled = surface[tuple(np.asarray(nearest))]
        place = self._place(points.reshape(-1, 2))
        found = map_coordinates(filled, place[:, ::-1].T, order=1, mode="nearest")
        return found.reshape(points.shape[:-1])

    def share_inside(self, points: Array, region: Bool[Array, "rows columns"]) -> float:
        """Share of the points whose nearest grid point is in the region."""
        return float(self.covered(points, region).mean())


def _with_signs(grid: Grid, points: Array, values: Array, scale: float) -> Array:
    """Smooth sum of values of both signs; `_smooth` itself gives no negative sums, so rounding never makes any."""
    return grid._smooth(points, np.maximum(values, 0), scale) - grid._smooth(points, np.maximum(-values, 0), scale)
