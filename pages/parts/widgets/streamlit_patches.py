"""A repair of Streamlit 1.67: the timer of a page that was left must not blank the page that was opened.

A fragment with `run_every` asks for itself from the browser. Where such a request waits while `st.switch_page` opens
another page, Streamlit runs it right after that page, as a run of the page that was left. The fragment is not there any
more, so nothing is drawn; but the browser takes the run for a way back, and removes all that the new page shows. Here
a request for a fragment of another page than the one that stands is dropped, as Streamlit drops one for a fragment
that it knows to be gone. tests/browser/test_timers.py tells whether this is still needed when Streamlit is raised.
"""

from __future__ import annotations

from functools import cache, wraps

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData


@cache
def repair() -> None:
    """Once per process."""
    run = ScriptRunner._run_script

    @wraps(run)
    def run_of_this_page(self: ScriptRunner, rerun_data: RerunData) -> None:
        stands = self._get_script_run_ctx().page_script_hash
        left = bool(stands and rerun_data.fragment_id_queue) and rerun_data.page_script_hash not in ("", stands)
        if not left:
            run(self, rerun_data)

    ScriptRunner._run_script = run_of_this_page
