"""What the server answers beside the pages: plotly's script, how far work under way is, and long lists of names."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from cellflow_core.jobs import readiness as ready
from cellflow_core.jobs import supervisor
from cellflow_core.reporting import progress
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace
from pages.parts.server import name_lists, sign_in, tasks, urls

BUNDLE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def routes() -> list[BaseRoute]:
    """Below the path `server.baseUrlPath`, which Streamlit does not add to them, and for `server.allowedHosts`."""
    api = [
        Route("/runs/{run_id}/progress", run_progress),
        Route("/comparisons/progress", comparison_progress),
        Route("/tasks/{name}/progress", task_progress),
        Route("/names/{name}", names),
    ]
    return [
        Route(f"{urls.base()}/vendor/plotly.min.js", plotly_bundle),
        Route(urls.readiness(), readiness),
        Mount(f"{urls.base()}/api", routes=api, middleware=[_allowed_hosts(), Middleware(sign_in.AsVisitor)]),
    ]


def plotly_bundle(request: Request) -> Response:
    """Plotly's script. Its address holds its version, so browsers keep it."""
    lasting = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(BUNDLE, media_type="text/javascript", headers=lasting)


def run_progress(request: Request) -> Response:
    """How far a run is; its losses too where `?losses=1` asks for them. A run that waits gets a supervisor."""
    try:
        run = index.open_run(request.path_params["run_id"])
        _supervise([run])
        found = progress.run_progress(run, losses=request.query_params.get("losses") == "1")
    except (KeyError, ValueError) as error:
        return _not_found(error)
    return _json({"state": run.status().state, **asdict(found)})


def comparison_progress(request: Request) -> Response:
    """How many of `?runs=id,id` are trained and scored."""
    try:
        runs = [index.open_run(each) for each in request.query_params.get("runs", "").split(",")]
        _supervise(runs)
        return _json(asdict(progress.comparison_progress(runs)))
    except (KeyError, ValueError) as error:
        return _not_found(error)


def task_progress(request: Request) -> Response:
    """Whether a calculation for a page has ended, and the stage it reported last."""
    try:
        return _json(asdict(tasks.task_progress(request.path_params["name"])))
    except KeyError as error:
        return _not_found(error)


def names(request: Request) -> Response:
    """A list of names that a box looks through. Its address is its content, so browsers keep it."""
    try:
        found = name_lists.content(request.path_params["name"])
    except KeyError as error:
        return _not_found(error)
    lasting = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(found, media_type="application/json", headers=lasting)


def readiness(request: Request) -> Response:
    """Whether this server can take work: 200, or 503 with what is missing. Asked without a sign-in, it names nobody."""
    missing = ready.missing(Workspace.from_environment().unrestricted)
    return _json({"ready": not missing, "missing": missing}, 503 if missing else 200)


def _supervise(runs: list[Run]) -> None:
    if any(not run.status().ended for run in runs):
        supervisor.ensure_supervisor()


def _allowed_hosts() -> Middleware:
    """Streamlit checks the host of its own connection only; this stops DNS rebinding here too."""
    names = st.get_option("server.allowedHosts") or ["*"]
    named = [f"[{each}]" if ":" in each else each for each in names]
    return Middleware(TrustedHostMiddleware, allowed_hosts=named, www_redirect=False)


def _not_found(error: Exception) -> Response:
    return _json({"error": str(error.args[0])}, 404)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
