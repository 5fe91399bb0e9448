"""How well the flow agrees with measured cells: calculated behind the page, which is shown meanwhile."""

from __future__ import annotations

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from pages.parts.widgets import background, progress_bar


def course(run_id: str, info: DatasetInfo, view: str) -> tuple[TimeCourse | None, str]:
    """The prediction at all times, None until it is there; and why there will be none, "" while it may come.

    Data of one time have nothing to check against. The page runs once more when the calculation has ended, however it
    ended.
    """
    if DataRequirement.TIMES not in info.has:
        return None, ""
    found = background.shared(
        f"check-{run_id}-{view}", lambda: analysis_pool.submit_analysis("course", run_id, view=view)
    )
    if not found.done():
        progress_bar.wait_for(found, key=f"check_{run_id}_{view}", label="Check against measured cells")
        return None, ""
    error = found.exception()
    if error is not None:
        return None, background.sentence(error)
    background.forget(found)
    return found.result(), ""
