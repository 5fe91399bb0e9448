"""Addresses of this server beside its pages."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import plotly
import streamlit as st


def base() -> str:
    """The path below which the whole app is served: "" or "/lab". Streamlit does not add it to routes."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}" if path else ""


def origin() -> str:
    """Scheme, host and base path under which this visitor sees the app, as for a link that is sent to others."""
    seen = urlsplit(st.context.url or "")
    return f"{seen.scheme}://{seen.netloc}{base()}"


def plotly_bundle() -> str:
    """Plotly's own script; with the version in its address it may be kept for ever."""
    return f"{base()}/vendor/plotly.min.js?v={plotly.__version__}"


def readiness() -> str:
    """Whether the server can take work."""
    return f"{base()}/readiness"


def run_progress(run_id: str, losses: bool = False) -> str:
    """How far a run is, with its losses where they are drawn."""
    return f"{base()}/api/runs/{run_id}/progress{'?losses=1' if losses else ''}"


def comparison_progress(run_ids: Iterable[str]) -> str:
    """How many of these runs are trained and scored."""
    return f"{base()}/api/comparisons/progress?runs={','.join(run_ids)}"


def task_progress(name: str) -> str:
    """How far a calculation for a page is."""
    return f"{base()}/api/tasks/{name}/progress"


def names(of: str) -> str:
    """A list of names that a box looks through; the address is another one where the names are."""
    return f"{base()}/api/names/{of}"
