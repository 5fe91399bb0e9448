"""A map of cells as the bytes that pages/parts/widgets/cell_map draws: five a cell, whatever is shown.

    4 bytes   length of the head, little endian
    head      JSON: what is drawn and how, and where each array stands
    arrays    each at a multiple of 8 bytes

A place is two 16-bit numbers, so that a map that is magnified a hundred times still shows each cell where it is; a
colour is one byte. Cells are in one random order, the same for every picture of so many cells: the first n of them are
a fair sample, which is drawn while the map is moved, and no group covers another because it stands later in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
import plotly.colors
from jaxtyping import Float, Int, Int16

from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import LEVELS, Colouring

Array = np.ndarray
EDGE = 32767
"""The largest 16-bit number, for the largest coordinate."""
MARGIN = 0.02


@dataclass(frozen=True)
class Stream:
    """A field that particles follow.

    x [columns], y [rows]: ascending and evenly spaced; u, v [rows, columns]: map / time, NaN where there are no cells
    opacity    [rows, columns], 0 to 1; None: 1 everywhere
    colouring  of its speed [rows * columns]; None: particles are drawn in ink
    """

    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    u: Float[Array, "rows columns"]
    v: Float[Array, "rows columns"]
    opacity: Float[Array, "rows columns"] | None = None
    colouring: Colouring | None = None


@dataclass(frozen=True)
class Mark:
    """A place of the map with a sign: "attractor", "saddle", "repeller", "root" or "end", and a short name."""

    x: float
    y: float
    kind: str
    name: str


@dataclass(frozen=True)
class Places:
    """Where cells stand, packed: low and high corner [2] of the frame, the order of the cells, and their places."""

    low: Float[Array, 2]
    high: Float[Array, 2]
    order: Int[Array, " cells"]
    packed: Int16[Array, "cells 2"]

    @classmethod
    def of(cls, points: Float[Array, "cells 2"]) -> Places:
        """Raises ValueError where points are not [cells, 2], of one cell or more."""
        points = np.asarray(points)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"points has shape {points.shape}, expected (cells, 2) with one cell or more")
        low, high = _frame(points)
        order = np.random.default_rng(0).permutation(len(points))
        share = (points[order] - low) / (high - low)
        return cls(low, high, order, np.rint((2 * share - 1) * EDGE).astype(np.int16))


def pack(
    places: Places,
    colouring: Colouring | None = None,
    *,
    alt: str,
    stream: Stream | None = None,
    marks: Sequence[Mark] = (),
    polygon: Sequence[tuple[float, float]] = (),
    lasso: bool = False,
    dark: bool = False,
) -> bytes:
    """Cells as the component draws them.

    colouring  of the cells; where it is None, that of the stream, if there is one, is the legend
    lasso      whether an outline may be drawn; polygon: the one that is there
    Raises ValueError where a colouring has another number of cells.
    """
    count = len(places.order)
    if colouring is not None and len(colouring.values) != count:
        raise ValueError(f"the colouring has {len(colouring.values)} cells, and there are {count}")
    arrays: dict[str, Array] = {"place": places.packed}
    if colouring is not None:
        arrays["code"] = colouring.codes()[places.order]
    shown = colouring or (stream.colouring if stream else None)
    head: dict[str, Any] = {
        "count": count,
        "low": places.low.tolist(),
        "high": places.high.tolist(),
        "alt": alt,
        "lasso": lasso,
        "outline": [list(each) for each in polygon],
        "marks": [{"x": each.x, "y": each.y, "kind": each.kind, "name": each.name} for each in marks],
        "look": {
            "cells": theme.background_point_color(dark),
            "ink": theme.text_color(dark),
            "accent": theme.changed(dark),
            "root": theme.model(dark),
            "page": theme.page_color(dark),
        },
        "legend": None if shown is None else _legend(shown),
        "stream": None,
    }
    if shown is not None:
        arrays["colours"] = _rgb(tuple(shown.colours(dark)))
    if stream is not None:
        head["stream"], more = _stream(stream)
        arrays |= more
    return _joined(head, arrays)


def _frame(points: Array) -> tuple[Array, Array]:
    """Low and high corner [2] of a frame around the cells, a little wider than they reach."""
    low, high = (np.array([float(getattr(axis, end)()) for axis in points.T]) for end in ("min", "max"))
    extent = high - low
    room = np.where(extent > 0, MARGIN * extent, max(float(extent.max()), 1.0) / 2)
    return low - room, high + room


def _legend(shown: Colouring) -> dict[str, Any]:
    words: dict[str, Any] = {"title": shown.title, "names": list(shown.names)}
    if not shown.names:
        words |= {"limits": list(shown.limits), "ticks": list(shown.ticks()), "levels": LEVELS}
    return words


@cache
def _rgb(colours: tuple[str, ...]) -> Array:
    """Colours as bytes [colours, 3]."""
    found = [
        plotly.colors.unlabel_rgb(each) if each.startswith("rgb") else plotly.colors.hex_to_rgb(each)
        for each in colours
    ]
    return np.rint(np.array(found)).astype(np.uint8)


def _stream(stream: Stream) -> tuple[dict[str, Any], dict[str, Array]]:
    known = np.isfinite(stream.u) & np.isfinite(stream.v)
    rows, columns = stream.u.shape
    opacity = np.ones_like(stream.u) if stream.opacity is None else np.clip(np.nan_to_num(stream.opacity), 0, 1)
    head = {
        "rows": rows,
        "columns": columns,
        "origin": [float(stream.x[0]), float(stream.y[0])],
        "step": [float(stream.x[1] - stream.x[0]), float(stream.y[1] - stream.y[0])],
        "speed": stream.colouring is not None,
    }
    arrays = {
        "u": np.where(known, stream.u, 0).astype(np.float32),
        "v": np.where(known, stream.v, 0).astype(np.float32),
        "opacity": np.where(known, opacity, -1).astype(np.float32),
    }
    if stream.colouring is not None:
        arrays["level"] = stream.colouring.codes()
    return head, arrays


def _joined(head: dict[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Head and arrays in one block; each array with a digest, so that the browser knows which it has already."""
    held, place = {}, 0
    blocks = []
    for name, each in arrays.items():
        block = np.ascontiguousarray(each).tobytes()
        digest = blake2b(block, digest_size=8).hexdigest()
        held[name] = {"kind": each.dtype.name, "start": place, "length": each.size, "digest": digest}
        block += bytes(-len(block) % 8)
        place += len(block)
        blocks.append(block)
    text = json.dumps(head | {"arrays": held}).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join((len(text).to_bytes(4, "little"), text, *blocks))
