"""What the colour of a cell means: a group, or a number on a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int, UInt8

from cellflow_core.figures import legend, theme

Array = np.ndarray
LEVELS = 255
"""Colours of a scale; a byte has one value more, for cells that have no colour."""
UNCOLOURED = 255
OUTER = 0.01
"""Share of the cells on each side that the range of a scale leaves out: one odd cell does not decide it."""
BAR_ABOVE = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "len": 0.9}
"""A colour bar over the picture: beside it, a phone would have no room for the cells."""


def of_groups(names: Sequence[str], own: Mapping[str, str]) -> tuple[str, ...]:
    """Colours of groups without order by name: those that somebody chose, the usual ones for the others."""
    return tuple(own.get(name, usual) for name, usual in zip(names, theme.categorical(len(names)), strict=True))


@dataclass(frozen=True)
class Colouring:
    """title: what is shown, with its unit. values [cells]: codes into `names`, -1 for none; without names numbers, NaN
    where unknown. in_order: the names have an order, as times do. signed: numbers of both signs, 0 in the middle.
    span: ends of the scale that were chosen. own: colours of groups that were chosen, by name."""

    title: str
    values: Float[Array, " cells"] | Int[Array, " cells"]
    names: tuple[str, ...] = ()
    in_order: bool = False
    signed: bool = False
    span: tuple[float, float] | None = None
    own: Mapping[str, str] = field(default_factory=dict)

    def at(self, rows: Int[Array, " some"]) -> Self:
        """The same of some of the cells."""
        return replace(self, values=self.values[rows])

    def among(self, rows: Int[Array, " cells"], count: int) -> Self:
        """The same where these cells are the given rows of `count` cells; the others have no colour."""
        values = np.full(count, -1) if self.names else np.full(count, np.nan, np.float32)
        values[rows] = self.values
        return replace(self, values=values)

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the scale. Where no span is given: all but the outermost OUTER on each side; of a signed one as far
        from 0 on both."""
        if self.span is not None:
            return self.span
        known = self.values[np.isfinite(self.values)]
        if not len(known):
            return 0.0, 1.0
        if self.signed:
            most = max(float(np.quantile(np.abs(known), 1 - 2 * OUTER)), 1e-6)
            return -most, most
        low, high = (float(each) for each in np.quantile(known, [OUTER, 1 - OUTER]))
        if low == high:
            low, high = float(known.min()), float(known.max())
        return (low, high) if high > low else (low, low + 1)

    def codes(self) -> UInt8[Array, " cells"]:
        """The colour of each cell, counted from 0; UNCOLOURED where there is none."""
        if self.names:
            return np.where(self.values < 0, UNCOLOURED, self.values).astype(np.uint8)
        low, high = self.limits
        share = (np.asarray(self.values, np.float32) - low) / (high - low)
        known = np.isfinite(share)
        level = np.rint(np.clip(np.where(known, share, 0), 0, 1) * (LEVELS - 1))
        return np.where(known, level, UNCOLOURED).astype(np.uint8)

    def colours(self, dark: bool) -> tuple[str, ...]:
        """One for each code that may occur, as "#rrggbb" or "rgb(...)"."""
        if self.names:
            return theme.ordered(len(self.names), dark) if self.in_order else of_groups(self.names, self.own)
        return theme.levels(self.scale(dark), LEVELS)

    def scale(self, dark: bool) -> list:
        """The colour scale of numbers, as plotly names it."""
        return theme.diverging(dark) if self.signed else theme.sequential(dark)

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round numbers within the limits, about `most`."""
        low, high = self.limits
        levels = theme.round_levels(low, high, most)
        return tuple(float(each) for each in levels[(levels >= low - 1e-12) & (levels <= high + 1e-12)])

    def marker(self, dark: bool) -> dict:
        """The marker of a plotly trace of these cells."""
        if self.names:
            last = len(self.names) - 0.5
            colours = theme.stepped(self.colours(dark))
            return {
                "color": self.values,
                "colorscale": colours,
                "cmin": -0.5,
                "cmax": last,
                "showscale": False,
            }
        low, high = self.limits
        title = {"text": theme.safe(self.title), "side": "top"}
        return {
            "color": np.asarray(self.values, np.float32),
            "colorscale": self.scale(dark),
            "cmin": low,
            "cmax": high,
            "showscale": True,
            "colorbar": {"title": title, **BAR_ABOVE},
        }

    def legend(self, dark: bool) -> list[go.Scatter]:
        """Plotly traces that only stand in the legend, one for each name."""
        shown = zip(self.names, self.colours(dark), strict=True) if self.names else ()
        return [legend.entry(name, colour) for name, colour in shown]

    def words(self) -> str:
        """The colours in one sentence with their numbers."""
        if self.names:
            counts = np.bincount(self.values[self.values >= 0].astype(int), minlength=len(self.names))
            listed = ", ".join(f"{name} {count:,}" for name, count in zip(self.names, counts, strict=True))
            return f"Coloured by {self.title}: {listed}."
        known = self.values[np.isfinite(self.values)]
        if not len(known):
            return f"Coloured by {self.title}, which is not known here."
        low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
        return f"Coloured by {self.title}: {middle:.3g} in the middle, {low:.3g} to {high:.3g} in nine of ten cells."
