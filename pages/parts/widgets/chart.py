"""Figures on a page: with their text for screen readers, lasso, a 3D scene that keeps its camera, and downloads."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2 import component

from cellflow_core import csv_output
from cellflow_core.figures import theme, web_page
from pages.parts.server import urls
from pages.parts.widgets import file_names, page_link, side, state
from pages.parts.widgets.state import Polygon


def _script(name: str) -> str:
    """A script of this folder, after what fetches the plotting library."""
    return "\n".join(Path(__file__).with_name(each).read_text(encoding="utf-8") for each in ("plotly_library.js", name))


_scene = component("cellflow_scene", js=_script("scene.js"), isolate_styles=False)
_steady = component("cellflow_steady_chart", js=_script("steady_chart.js"), isolate_styles=False)
_linked_maps = component("cellflow_linked_maps", js=_script("linked_maps.js"))
_theme_change = component(
    "cellflow_theme_change", js=Path(__file__).with_name("theme_change.js").read_text(encoding="utf-8")
)
_CAMERA = re.compile("{0}(,{0}){{5}}".format(r"-?\d+(\.\d+)?(e[+-]?\d+)?"))
_FORMAT = "picture_format"
_LASSO_BUTTONS = ["select2d", "lasso2d"]


def dark() -> bool:
    """Does this browser show the dark theme?"""
    return st.context.theme.type == "dark"


def follow_theme() -> None:
    """Draw the figures of this page anew when the visitor, or the system, changes the theme."""
    _theme_change(key="theme_change", data={"dark": dark()}, on_changed_change=_nothing, height=1)


def choose_format() -> None:
    """What the camera in the corner of a 2-D figure saves: one choice for every page, in the sidebar."""
    st.segmented_control(
        "Save pictures as",
        ("PNG", "SVG"),
        default="PNG",
        required=True,
        key=_FORMAT,
        help="With the camera in the corner of a picture. SVG is sharp at any size and each part can be edited; "
        "very many cells become a bitmap inside it. 3D pictures are always PNG. For paper, choose the light theme in "
        "the menu at the top right.",
    )


def _config(key: str) -> dict[str, Any]:
    """The buttons of a 2-D figure and what its camera saves."""
    vector = st.session_state.get(_FORMAT) == "SVG"
    image = theme.CONFIG["toImageButtonOptions"] | ({"format": "svg", "scale": 1} if vector else {})
    return {**theme.CONFIG, "toImageButtonOptions": image | {"filename": f"cellflow-{key}"}}


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """A 2-D figure. alt: the figure in one sentence with its numbers."""
    _shown(figure, key, alt, _without_lasso(key))


def steady(figure: go.Figure, key: str, alt: str) -> None:
    """As `chart`, for a figure that another choice changes often: the browser updates it in place, where streamlit's
    own is thrown away and drawn twice. figure: with a height, and no map of cells.

    Where the browser cannot load the library, streamlit's own chart is shown.
    """
    config, key = _without_lasso(key), side.key(key)
    data = {"figure": figure.to_json(), "config": json.dumps(config), "alt": alt, "library": urls.plotly_bundle()}
    shown = _steady(key=key, data=data | {"height": figure.layout["height"]}, on_failed_change=_nothing)
    if shown.get("failed"):
        st.plotly_chart(figure, key=f"{key}_simple", theme=None, config=config, alt=alt)


def _without_lasso(key: str) -> dict[str, Any]:
    config = _config(key)
    return config | {"modeBarButtonsToRemove": [*config["modeBarButtonsToRemove"], *_LASSO_BUTTONS]}


def _shown(figure: go.Figure, key: str, alt: str, config: dict[str, Any], **more: Any) -> None:
    """A figure as high as it says; a map of cells as high as its width asks for, by assets/style.css."""
    shape, key = theme.map_shape(figure), side.key(key)
    if not shape:
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, **more)
        return
    figure.update_layout(height=None)
    with st.container(key=f"map_{shape}_{key}"):
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, height="stretch", **more)


def lasso(figure: go.Figure, key: str, alt: str, view: str, drag: str = "lasso") -> None:
    """A 2-D figure of a view of the cells in which the user draws an outline around some; `state.outline` has it.

    drag: what dragging does at first; lasso and box are in the corner in any case
    """
    figure.update_layout(dragmode=drag)
    chosen = {"on_select": side.here(lambda: _keep(key, view)), "selection_mode": ("lasso", "box")}
    _shown(figure, key, alt, _config(key), **chosen)


def pick(figure: go.Figure, key: str, alt: str, view: str, clicked: Callable[[float, float], None]) -> None:
    """As `lasso`, but a click on a cell calls `clicked` with its place; outlines are drawn with the tools in its
    corner, since streamlit gives no clicks while one of them is on."""
    figure.update_layout(dragmode="pan", clickmode="event+select")

    def kept() -> None:
        _keep(key, view)
        selection = st.session_state[side.key(key)].selection
        if not outline(selection) and selection.points:
            clicked(float(selection.points[-1]["x"]), float(selection.points[-1]["y"]))

    _shown(figure, key, alt, _config(key), on_select=side.here(kept), selection_mode=("points", "lasso", "box"))


def _keep(key: str, view: str) -> None:
    found = outline(st.session_state[side.key(key)].selection)
    if found:
        state.choose_outline(view, found)


def outline(selection: Mapping[str, Any], most: int = 64) -> Polygon:
    """The outline of a plotly selection: the last lasso or box, thinned to `most` corners of 4 digits; () for none."""
    if selection.get("lasso"):
        each = selection["lasso"][-1]
        corners = list(zip(each["x"], each["y"], strict=True))
    elif selection.get("box"):
        (x0, x1), (y0, y1) = selection["box"][-1]["x"], selection["box"][-1]["y"]
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    else:
        return ()
    step = max(1, -(-len(corners) // most))
    return tuple((float(f"{x:.4g}"), float(f"{y:.4g}")) for x, y in corners[::step])


def link_maps() -> None:
    """Let all 2-D maps of cells on this page show the same part of them, whichever is moved."""
    _linked_maps(key="linked_maps", data={"library": urls.plotly_bundle()}, height=1)


class Scene(NamedTuple):
    """What a 3D figure tells back: the point clicked last (x, y, z and the trace's name), and the camera."""

    click: Mapping[str, Any] | None
    camera: Mapping[str, Any] | None


def chart3d(figure: go.Figure, key: str, alt: str) -> Scene:
    """A 3D figure that keeps its camera and its WebGL context when its data change, and tells clicks and camera back.

    The browser fetches the library once per visit from a URL; a rerun sends the figure alone, and only if changed.
    Where the browser cannot load it, streamlit's own chart is shown, and that is said.
    """
    height, key = figure.layout["height"], side.key(key)
    arrived, linked = st.session_state.get(f"{key}_linked", (0, None))
    if arrived != state.arrivals():  # while the page is open, the browser knows the camera
        linked = camera_of(state.value("camera") or "")
        st.session_state[f"{key}_linked"] = (state.arrivals(), linked)
    if linked:
        figure.update_layout(scene_camera=linked)
    data = {"figure": figure.to_json(), "config": theme.CONFIG, "alt": alt, "library": urls.plotly_bundle()}
    shown = _scene(
        key=key,
        data=data | {"height": height},
        on_click_change=page_link.note,
        on_camera_change=page_link.note,
        on_failed_change=_nothing,
    )
    if shown.get("failed"):
        st.caption("The 3D viewer could not be loaded here, so this is the simple one: it forgets how you turned it.")
        st.plotly_chart(figure, key=f"{key}_simple", theme=None, config=theme.CONFIG, alt=alt)
    camera = shown.get("camera")
    if camera:
        state.choose("camera", link_of(camera))
    return Scene(shown.get("click"), camera)


def link_of(camera: Mapping[str, Any]) -> str:
    """Where the camera is and looks to, for a link: six numbers."""
    return ",".join(f"{camera[what][axis]:.3g}" for what in ("eye", "center") for axis in "xyz")


def camera_of(link: str) -> dict[str, Any] | None:
    """The camera of a link, None where it holds none or is damaged."""
    if not _CAMERA.fullmatch(link):
        return None
    values = [float(each) for each in link.split(",")]
    return {"eye": dict(zip("xyz", values[:3], strict=True)), "center": dict(zip("xyz", values[3:], strict=True))}


def _nothing() -> None:
    """A state of a component is reported only if it has a callback."""


def downloads(
    figure: go.Figure | Callable[[], go.Figure], rows: Mapping[str, Sequence[Any]], name: str, key: str
) -> None:
    """Buttons for the figure as a page of its own and its numbers as a table. A picture is in the figure's own toolbar.

    figure: or what makes it, where the page draws another picture; rows: the columns of the table; name: of the view,
    with the id of the run or data set at its end.
    """
    is_dark, named = dark(), file_names.readable(name)
    with st.container(horizontal=True, key=side.key(f"{key}_downloads")):
        st.download_button(
            "Figure (HTML)",
            lambda: web_page.write_html(figure() if callable(figure) else figure, is_dark, named).encode(),
            f"{named}.html",
            "text/html",
            key=side.key(f"{key}_html"),
            type="tertiary",
            on_click="ignore",
            icon=":material/download:",
            help="Opens in any browser, without a network. For a picture (PNG or SVG), use the camera in its corner.",
        )
        table_download(rows, name, key)


def listed(rows: Mapping[str, Sequence[Any]], name: str, key: str) -> None:
    """A table with the button for its numbers: streamlit's own, which does not escape formulas, is switched off."""
    st.dataframe(rows, hide_index=True, key=side.key(f"{key}_table"))
    table_download(rows, name, key)


def table_download(rows: Mapping[str, Sequence[Any]], name: str, key: str) -> None:
    """A button for the numbers of a table."""
    st.download_button(
        "Numbers (CSV)",
        lambda: table(rows),
        f"{file_names.readable(name)}.csv",
        "text/csv",
        key=side.key(f"{key}_csv"),
        type="tertiary",
        on_click="ignore",
        icon=":material/download:",
    )


def table(rows: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as CSV, with a mark of UTF-8 in front where there are letters that a spreadsheet misreads without it."""
    text = io.StringIO()
    csv_output.write_table(text, rows)
    written = text.getvalue()
    return written.encode("ascii" if written.isascii() else "utf-8-sig")
