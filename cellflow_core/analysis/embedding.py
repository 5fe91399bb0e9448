"""A 2-D view of the cells, and the projection of simulated states and velocities into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.grid import Grid
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
NEIGHBOURS = 15
ANCHORS = 8192
"""Measured cells, drawn at random where there are more, that tell where a state stands in a view that is not linear."""
BLOCK = 1024
"""States that are compared with all anchors at once."""
LINEAR = 1 - 1e-6
"""Share of the variance of a view above which it counts as linear in the state."""


@dataclass(frozen=True)
class Embedding:
    """Where the measured cells stand in a picture.

    points  [cells, 2] in the picture, states [cells, dim] of the same cells in the state space, row by row
    """

    name: str
    axes: tuple[str, str]
    points: Float[Array, "rows 2"]
    states: Float[Array, "cells dim"]

    def __post_init__(self) -> None:
        if self.points.shape != (len(self.states), 2):
            raise ValueError(
                f"view {self.name!r} has an array of shape {self.points.shape} for {len(self.states)} cells, expected "
                f"({len(self.states)}, 2)"
            )

    @staticmethod
    def of(dataset: Dataset, name: str) -> Embedding:
        """A ready view of all cells. Raises KeyError, with a sentence, where the data set does not have it."""
        return Embedding(name, dataset.view_axes(name), dataset.embedding(name), dataset.snapshots().x)

    @cached_property
    def linear(self) -> tuple[Array, Array] | None:
        """(matrix [dim, 2], offset [2]) where the picture is a linear map of the state, found by least squares."""
        dim = self.states.shape[1]
        if len(self.states) < dim + 2:
            return None
        center = self.states.mean(axis=0, dtype=np.float64)
        middle = self.points.mean(axis=0, dtype=np.float64)
        x, y = self.states - center, self.points - middle
        matrix, *_ = np.linalg.lstsq(x.T @ x, x.T @ y, rcond=None)  # a system of the axes, however many cells
        if np.square(y - x @ matrix).sum() > (1 - LINEAR) * np.square(y).sum():
            return None
        return matrix, middle - center @ matrix

    @cached_property
    def _anchors(self) -> Array:
        """Rows of the cells that others are placed by."""
        every = np.arange(len(self.states))
        return every if len(every) <= ANCHORS else np.random.default_rng(0).choice(every, ANCHORS, replace=False)

    @cached_property
    def _cloud(self) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.states[self._anchors], dtype=np.float32))

    def neighbours(self, x: Float[Array, "n dim"]) -> tuple[Float[Array, "n k"], Array]:
        """(distance, index) of the nearest measured cells of each state, nearest first; among ANCHORS of them."""
        count = min(NEIGHBOURS, len(self._cloud))
        distances, indices = [], []
        for block in torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).split(BLOCK):
            near = torch.cdist(block, self._cloud).topk(count, dim=1, largest=False)
            distances.append(near.values.numpy())
            indices.append(self._anchors[near.indices.numpy()])
        return np.concatenate(distances), np.concatenate(indices)

    @cached_property
    def neighborhood_radius(self) -> float:
        """Typical distance of a measured cell to its farthest neighbour that counts (state)."""
        some = self.states[:: max(1, len(self.states) // 500)]
        return float(np.median(self.neighbours(some)[0][:, -1])) or 1.0

    def project(self, x: Float[Array, "... dim"]) -> Float[Array, "... 2"]:
        """Where states stand in the picture: exactly for a linear view, elsewhere the weighted mean of the nearest
        measured cells (Nadaraya-Watson with a Gaussian kernel of half the distance to the last neighbour)."""
        flat = np.asarray(x).reshape(-1, x.shape[-1])
        if self.linear is not None:
            matrix, offset = self.linear
            placed = flat @ matrix + offset
        else:
            placed = self._regress(*self.neighbours(flat))
        return placed.reshape(*x.shape[:-1], 2).astype(np.float32)

    def _regress(self, distance: Array, index: Array) -> Array:
        width = np.maximum(distance[:, -1:] / 2, 1e-12)
        weight = np.exp(-0.5 * (np.square(distance) - np.square(distance[:, :1])) / np.square(width))
        weight /= weight.sum(axis=1, keepdims=True)
        return np.einsum("nk,nkd->nd", weight, self.points[index])

    def project_velocity(self, x: Float[Array, "n dim"], v: Float[Array, "n dim"]) -> Float[Array, "n 2"]:
        """Velocities at states as velocities in the picture (view / time).

        For a view that is not linear: central differences of `project` over half the typical distance of neighbours.
        """
        if self.linear is not None:
            return (v @ self.linear[0]).astype(np.float32)
        speed = np.linalg.norm(v, axis=1, keepdims=True)
        step = np.where(speed > 0, self.neighborhood_radius / 2 / np.maximum(speed, 1e-30), 0.0)
        ahead, behind = self.project(x + step * v), self.project(x - step * v)
        return np.divide(ahead - behind, 2 * step, out=np.zeros_like(ahead), where=step > 0)

    @property
    def note(self) -> tuple[str, ...]:
        """What a reader must know of this picture; nothing for a linear one."""
        if self.linear is not None:
            return ()
        return (
            f"{self.name.upper()} is not a linear map of the cells' state: simulated cells are placed by their nearest "
            "measured cells, and lengths of arrows are only roughly comparable.",
        )

    def grid(self, size: int = 64) -> Grid:
        """A regular grid over the measured cells."""
        return Grid.over(self.points, size)
