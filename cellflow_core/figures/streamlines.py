"""Lines along a field that is known only where there are cells (NaN elsewhere), and single arrows of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures.scatter import subsample

ARROWS_UP_TO = 350


class Arrows(Protocol):
    """Arrows of cells [cells, 2] over a view, and their mean on a grid [rows, columns]; a result has them."""

    @property
    def x(self) -> np.ndarray: ...
    @property
    def y(self) -> np.ndarray: ...
    @property
    def u(self) -> np.ndarray: ...
    @property
    def v(self) -> np.ndarray: ...
    @property
    def cells(self) -> np.ndarray: ...
    @property
    def arrows(self) -> np.ndarray | None: ...


def field_lines(result: Arrows, style: str, drawn: np.ndarray | None = None) -> list[np.ndarray]:
    """Lines [points, 3] of (x, y, speed): "streams" through the mean arrows, "grid" of mean arrows, or "cells": arrows
    of at most ARROWS_UP_TO of the cells that are `drawn` [cells] (None: of all). Single arrows have equal lengths.

    Raises ValueError for another word, and for the arrows of cells where the result has none.
    """
    if style == "streams":
        return streamlines(result.x, result.y, result.u, result.v)
    if style == "grid":
        rows, columns = np.nonzero(np.isfinite(result.u))
        start = np.column_stack([result.x[columns], result.y[rows]])
        return _single(start, np.column_stack([result.u[rows, columns], result.v[rows, columns]]), 0.8 * _step(result))
    if style != "cells" or result.arrows is None:
        raise ValueError(f"style={style!r} is not streams, grid or cells, or there are no arrows of cells")
    kept = np.arange(len(result.cells)) if drawn is None else np.flatnonzero(drawn)
    kept = kept[subsample(len(kept), ARROWS_UP_TO)]
    return _single(result.cells[kept], result.arrows[kept], 1.4 * _step(result))


def arrow_heads(points: np.ndarray, sizes: Sequence[int], name: str, **look: Any) -> go.Scatter:
    """Arrow heads at points [n, 2], which plotly turns from the point before, so that they point along a line at any
    zoom; a point of size 0 only gives the direction of the next. look: of the marker."""
    xy = np.asarray(points if len(points) else [[np.nan, np.nan]], dtype=np.float32)
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        name=name,
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": "arrow", "angleref": "previous", "size": list(sizes) or 0, "line": {"width": 0}, **look},
    )


def _step(result: Arrows) -> float:
    return float(result.x[1] - result.x[0])


def _single(start: np.ndarray, step: np.ndarray, length: float) -> list[np.ndarray]:
    """Arrows of one length [2, 3]; none where nothing moves."""
    size = np.hypot(step[:, 0], step[:, 1])
    moving = size > 0
    start, size = start[moving], size[moving]
    end = start + step[moving] / size[:, None] * length
    return [np.column_stack([np.stack([a, b]), [s, s]]) for a, b, s in zip(start, end, size, strict=True)]


def streamlines(
    x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray, *, spacing: float = 1.15, longest: int = 400
) -> list[np.ndarray]:
    """Evenly spaced lines [points, 3] of (x, y, speed) through the field u, v [rows, columns] on the grid x, y.

    spacing  least distance between two lines, in grid cells. A line ends where the field is unknown, where it meets
    another line, and where the flow is still. Runge-Kutta of order 2 with steps of a third of a grid cell, as in
    matplotlib's streamplot; starts are taken where the flow is fastest first, so that main currents run through.
    """
    field = np.stack([u / (x[1] - x[0]), v / (y[1] - y[0])], axis=-1)  # [rows, columns, 2] in grid cells / time
    speed = np.hypot(u, v)
    fast = np.hypot(field[..., 0], field[..., 1])
    known = np.isfinite(fast)
    if not known.any() or np.nanmax(fast) == 0:
        return []
    still = 1e-3 * np.nanmax(fast)
    taken = _Taken(u.shape, spacing)
    lines = []
    rows, columns = np.nonzero(known & (fast > still))
    for k in np.argsort(-fast[rows, columns], kind="stable"):
        start = np.array([columns[k], rows[k]], float)
        if taken.near(start):
            continue
        back = _follow(field, start, -1.0, still, taken, longest)
        ahead = _follow(field, start, 1.0, still, taken, longest)
        line = np.concatenate([back[::-1], start[None], ahead])
        if len(line) < 6:
            continue
        taken.add(line)
        at = np.rint(line).astype(int)
        lines.append(
            np.column_stack(
                [
                    np.interp(line[:, 0], np.arange(len(x)), x),
                    np.interp(line[:, 1], np.arange(len(y)), y),
                    speed[at[:, 1], at[:, 0]],
                ]
            )
        )
    return lines


class _Taken:
    """Where lines already run, on a mesh of `spacing` grid cells."""

    def __init__(self, shape: tuple[int, int], spacing: float) -> None:
        self.spacing = spacing
        self.cells = np.zeros((int(shape[0] / spacing) + 2, int(shape[1] / spacing) + 2), bool)

    def _at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = (np.asarray(points) / self.spacing).astype(int)
        return index[..., 1], index[..., 0]

    def near(self, point: np.ndarray) -> bool:
        return bool(self.cells[self._at(point)])

    def add(self, line: np.ndarray) -> None:
        self.cells[self._at(line)] = True


def _follow(field: np.ndarray, start: np.ndarray, sign: float, still: float, taken: _Taken, longest: int) -> np.ndarray:
    """Points [n, 2] in grid cells from `start`, without it, with the flow (sign 1) or against it (-1)."""
    at, points = start, []
    for _ in range(longest):
        first = _direction(field, at, still)
        if first is None:
            break
        middle = _direction(field, at + sign * first / 6, still)
        if middle is None:
            break
        at = at + sign * middle / 3
        if _direction(field, at, still) is None or taken.near(at):
            break
        points.append(at)
    return np.array(points).reshape(-1, 2)


def _direction(field: np.ndarray, at: np.ndarray, still: float) -> np.ndarray | None:
    """Unit vector of the flow at a place between grid points, None where it is unknown or still."""
    rows, columns = field.shape[:2]
    if not (0 <= at[0] <= columns - 1 and 0 <= at[1] <= rows - 1):
        return None
    j, i = min(int(at[0]), columns - 2), min(int(at[1]), rows - 2)
    a, b = at[0] - j, at[1] - i
    flow = (1 - b) * ((1 - a) * field[i, j] + a * field[i, j + 1]) + b * (
        (1 - a) * field[i + 1, j] + a * field[i + 1, j + 1]
    )
    length = float(np.hypot(flow[0], flow[1]))
    return flow / length if length > still else None  # NaN compares false, so unknown neighbours end a line
