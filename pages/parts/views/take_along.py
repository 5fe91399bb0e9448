"""What a page shows, taken along: as a script that makes it again, and in the report of its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.views.script import view_script
from pages.parts.widgets import file_names


def show(asked: Sequence[analysis_pool.Question]) -> None:
    """The script of all that the page asked, and the report of the run that it asked about last."""
    if not asked:
        return
    script = view_script(asked)
    run = asked[-1].run
    with st.container(key="take_along"), st.expander("Script and report", icon=":material/code:"):
        st.markdown(
            "**The script that makes this page again**: in a fresh process it gives the same numbers. It reads the "
            "runs of this workspace, or those of “Run with its cells (zip)” on the page Runs, unpacked beside it."
        )
        st.code(script, language="python", height=260)
        named = file_names.readable(f"view-{run}")
        with st.container(horizontal=True):
            st.download_button(
                "Script (Python)", script, f"{named}.py", "text/x-python", key="view_script", on_click="ignore"
            )
            report(run, "view_report", [(each.name, dict(each.settings)) for each in asked if each.run == run])


def report(run: str, key: str, asked: Sequence[tuple[str, dict[str, Any]]] = ()) -> None:
    """A button that saves the report of a run: what was asked for, then the usual views."""
    st.download_button(
        "Report (HTML)",
        lambda: _made(run, asked),
        f"{file_names.readable(f'report-{run}')}.html",
        "text/html",
        key=key,
        on_click="ignore",
        icon=":material/description:",
        help="Figures, numbers, settings, texts, versions and how far to trust them, in one file that opens without a "
        "network. Views that were not looked at yet are calculated first.",
    )


def _made(run: str, asked: Sequence[tuple[str, dict[str, Any]]]) -> bytes:
    return analysis_pool.call("cellflow_core.reporting.report.report:report", run, list(asked)).result().encode()
