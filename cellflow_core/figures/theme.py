"""One look for every figure: light and dark, sizes for a projector, colours that colour-blind people tell apart."""

from __future__ import annotations

import html
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", system-ui, sans-serif'

# Okabe and Ito (2008) without black and yellow, which vanish on one of the two backgrounds, then Tol's "muted" (2018).
CATEGORICAL = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#8A6D3B",
    "#999933",
    "#882255",
    "#44AA99",
    "#AA4499",
    "#DDCC77",
)
OTHER = "#8A939B"
SEQUENTIAL = "Viridis"
TIMES = "Plasma"
"""Of times: another scale than that of values, so that a colour means one thing on every page."""

# Buttons of a chart on a page, and of an exported one: a Plotly 7 export would otherwise offer to upload the data.
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["autoScale2d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines"],
    "toImageButtonOptions": {"format": "png", "scale": 3, "filename": "cellflow"},
}

# Brewer's PRGn, colour-blind-safe, with a middle that a background does not swallow: losing, neither, growing.
_DIVERGING = {False: ("#762A83", "#CBD2D6", "#1B7837"), True: ("#CE93D8", "#46545E", "#66C27A")}
_INK = {False: "#17242D", True: "#E4EDF1"}
_QUIET = {False: "#566470", True: "#A3B2BB"}
_SEEN = {False: (0.08, 0.88), True: (0.25, 1.0)}
_TIMES_SEEN = {False: (0.0, 0.85), True: (0.32, 1.0)}
_TERRAIN = {False: ("#486E84", "#93B0BE", "#D3E0E6"), True: ("#1F4254", "#4A7486", "#9DBAC6")}
_CONTOUR = {False: "#6E8794", True: "#7FA3B3"}
_GRID = {False: "#E3EAED", True: "#26343D"}
_BEHIND = {False: "#C9D2D8", True: "#3D4C56"}
_PAPER = {False: "#FFFFFF", True: "#10181E"}
_MODEL = {False: "#0072B2", True: "#56B4E9"}
_CHANGED = {False: "#D55E00", True: "#F58A3C"}


def text_color(dark: bool) -> str:
    """Colour of text and of what stands in front."""
    return _INK[dark]


def muted_color(dark: bool) -> str:
    """Colour of what is said in a low voice: ticks, captions."""
    return _QUIET[dark]


def background_point_color(dark: bool) -> str:
    """Colour of cells that are there for orientation only."""
    return _BEHIND[dark]


def page_color(dark: bool) -> str:
    """Colour of the page."""
    return _PAPER[dark]


def model(dark: bool) -> str:
    """Colour of what a model says."""
    return _MODEL[dark]


def changed(dark: bool) -> str:
    """Colour of what the user changed or chose: a perturbation, particles, an outline."""
    return _CHANGED[dark]


def categorical(count: int) -> tuple[str, ...]:
    """Colours of `count` groups without order. Beyond the palette they repeat: merge small groups before."""
    return tuple(CATEGORICAL[k % len(CATEGORICAL)] for k in range(count))


def ordered(count: int, dark: bool) -> tuple[str, ...]:
    """Colours of `count` times, or of groups in another order, without the end that vanishes on the background."""
    if count == 1:
        return (CATEGORICAL[0],)
    return sampled(TIMES, *_TIMES_SEEN[dark], count)


def sampled(scale: str, low: float, high: float, count: int) -> tuple[str, ...]:
    """`count` colours of a named plotly scale between two places in 0 to 1."""
    return tuple(str(each) for each in sample_colorscale(scale, np.linspace(low, high, count).tolist()))


def levels(scale: list, count: int) -> tuple[str, ...]:
    """`count` evenly spaced colours of a colour scale, as "rgb(r, g, b)"."""
    pairs = [list(each) if isinstance(each, tuple) else each for each in scale]  # plotly takes tuples for RGB
    return tuple(str(each) for each in sample_colorscale(pairs, np.linspace(0, 1, count).tolist()))


def diverging(dark: bool) -> list[tuple[float, str]]:
    """A colour scale for values of both signs, from losing over neither to growing; set the range evenly around 0."""
    return [(k / 2, colour) for k, colour in enumerate(_DIVERGING[dark])]


def label(x: float, y: float, text: str, dark: bool) -> dict[str, Any]:
    """A name (already safe) at a place of a map, readable over cells, as an annotation."""
    return {
        "x": x,
        "y": y,
        "text": text,
        "showarrow": False,
        "font": {"size": 13, "color": text_color(dark)},
        "bgcolor": page_color(dark),
        "opacity": 0.85,
        "borderpad": 2,
    }


def logarithmic(figure: go.Figure, values: np.ndarray) -> go.Figure:
    """A vertical axis for values above 0 over decades, each tick with its number: plotly would call 0.5 "5"."""
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
    parts = (1, 2, 5) if high - low < 4 else (1,)
    ticks = [part * 10.0**k for k in range(int(low), int(high) + 1) for part in parts]
    return figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{each:g}" for each in ticks])


def faint(colour: str, opacity: float = 0.22) -> str:
    """A "#rrggbb" or "rgb(...)" colour that what is behind shines through: of a band, by default."""
    red, green, blue = hex_to_rgb(colour) if colour.startswith("#") else unlabel_rgb(colour)
    return f"rgba({red:g}, {green:g}, {blue:g}, {opacity})"


def sequential(dark: bool) -> list[str]:
    """A colour scale for values from low to high, without the end that vanishes on the background."""
    return list(sampled(SEQUENTIAL, *_SEEN[dark], 16))


def terrain(dark: bool) -> list[list[float | str]]:
    """A colour scale for heights: quiet, so that what lies on a surface stands out, and never that of the page."""
    return [[k / 2, colour] for k, colour in enumerate(_TERRAIN[dark])]


def contour_color(dark: bool) -> str:
    """Colour of lines of equal height, on the surface and projected below it."""
    return _CONTOUR[dark]


def round_levels(low: float, high: float, count: int) -> np.ndarray:
    """About `count` levels from below `low` to above `high` in steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low or 1.0) / count
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= raw * (1 - 1e-9))
    first, last = np.floor(low / step), np.ceil(high / step)
    return step * np.arange(first, max(last, first + 1) + 1)


def stepped(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    """A colour scale that shows code k in colour k, for cmin = -0.5 and cmax = count - 0.5."""
    count = len(colours)
    return [(edge / count, colour) for k, colour in enumerate(colours) for edge in (k, k + 1)]


def safe(name: object, longest: int = 60) -> str:
    """A name from the user's file as plain text: no tags, no links, no hover template, no endless lines."""
    text = " ".join(str(name).split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(text).replace("{", "&#123;").replace("$", "&#36;")


def blank(dark: bool, *, height: int = 480, x: str = "", y: str = "") -> go.Figure:
    """An empty figure in the theme, axes named."""
    figure = go.Figure(layout={"template": template(dark), "height": height})
    figure.update_xaxes(title_text=x).update_yaxes(title_text=y)
    return figure


def square(figure: go.Figure, **where: Any) -> go.Figure:
    """A map of cells: one unit is as long on both axes, so that a map has one shape on every page, and without numbers:
    the axes of an embedding carry none worth reading."""
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, showline=True, **where)
    return figure.update_yaxes(
        showticklabels=False, showgrid=False, zeroline=False, showline=True, scaleanchor="x", scaleratio=1, **where
    )


def map_shape(figure: go.Figure) -> str:
    """How a map of cells fills its frame: "wide", "even", or "two" side by side; "" where the figure is no map."""
    if figure.layout["yaxis"]["scaleanchor"] is None:
        return ""
    if "xaxis2" in figure.layout:
        return "two"
    spans = []
    for axis in "xy":
        found = (getattr(each, axis) for each in figure.data)
        drawn = [np.asarray(each, dtype=float) for each in found if each is not None]
        values = np.concatenate([each[np.isfinite(each)] for each in drawn] or [np.zeros(0)])
        spans.append(np.ptp(values) if len(values) else 0.0)
    return "wide" if spans[0] > 1.25 * spans[1] else "even"


def framed(figure: go.Figure, low: np.ndarray, high: np.ndarray, **where: Any) -> go.Figure:
    """Both axes from the low to the high corner [2]."""
    figure.update_xaxes(range=[float(low[0]), float(high[0])], **where)
    return figure.update_yaxes(range=[float(low[1]), float(high[1])], **where)


@cache
def template(dark: bool) -> go.layout.Template:
    """The look as a plotly template."""
    axis = {
        "gridcolor": _GRID[dark],
        "linecolor": _GRID[dark],
        "zerolinecolor": _GRID[dark],
        "tickfont": {"size": 14, "color": _QUIET[dark]},
        "title": {"font": {"size": 15}, "standoff": 8},
        "automargin": True,
    }
    wall = {
        "backgroundcolor": "rgba(0,0,0,0)",
        "gridcolor": _GRID[dark],
        "linecolor": _GRID[dark],
        "zeroline": False,
        "showspikes": False,
        "tickfont": {"size": 12, "color": _QUIET[dark]},
        "title": {"font": {"size": 15}},
    }
    box = {
        "bgcolor": _PAPER[dark],
        "bordercolor": _GRID[dark],
        "font": {"family": FONT, "size": 14, "color": _INK[dark]},
    }
    bar = {"outlinewidth": 0, "thickness": 12, "tickfont": {"size": 13}, "title": {"font": {"size": 14}}, "len": 0.8}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 15, "color": _INK[dark]},
            "title": {"font": {"size": 18}, "x": 0, "xanchor": "left"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(CATEGORICAL),
            "margin": {"l": 8, "r": 8, "t": 40, "b": 8},
            "xaxis": axis,
            "yaxis": axis,
            "scene": {"xaxis": wall, "yaxis": wall, "zaxis": wall},
            "hoverlabel": {**box, "align": "left"},
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "yanchor": "bottom",
                "font": {"size": 14},
                "itemsizing": "constant",
            },
            "coloraxis": {"colorbar": bar},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _QUIET[dark], "activecolor": _INK[dark]},
            "newshape": {"line": {"color": _CHANGED[dark]}},
        },
        data={
            "surface": [{"colorbar": bar}],
            "scatter": [{"marker": {"colorbar": bar}}],
            "scattergl": [{"marker": {"colorbar": bar}}],
        },
    )


def error_bars(low: np.ndarray, value: np.ndarray, high: np.ndarray, dark: bool) -> dict[str, Any]:
    """Intervals from low to high of the values that a trace draws, as plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "width": 5,
        "thickness": 1.8,
        "color": text_color(dark),
        "array": (high - value).astype(np.float32),
        "arrayminus": (value - low).astype(np.float32),
    }
