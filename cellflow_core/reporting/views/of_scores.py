"""View of a model against the cells of a time that it was not trained on."""

from __future__ import annotations

from dataclasses import fields

from cellflow_core.analysis.results import Distances, Scores
from cellflow_core.reporting.views.view import Asked, View
from cellflow_core.time_units import format_time


def scores(found: Scores, asked: Asked) -> View:
    names = [each.name for each in fields(found) if isinstance(getattr(found, each.name), Distances)]
    rows = {"of": [each.replace("_", " ") for each in names]}
    rows |= {each.name: [getattr(getattr(found, name), each.name) for name in names] for each in fields(Distances)}
    answer = (
        f"W1 at the held-out time {format_time(found.time)}: {found.from_previous.w1:.3g}, that of the midpoint "
        f"of optimal transport {found.midpoint.w1:.3g}, and {found.floor.w1:.3g} of two samples of the measured cells."
    )
    return View(answer, (), {"scores": rows}, found.notes)
