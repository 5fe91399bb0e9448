"""Questions about the field of a model on a map: landscape and barriers, flow, derivatives, fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cellflow_core.jobs.questions.of_cells import view_of

if TYPE_CHECKING:
    from cellflow_core.analysis.results import (
        Barriers,
        FieldDerivatives,
        FixedPoints,
        FlowField,
        Landscape,
        MovingLandscape,
    )
    from cellflow_core.jobs.run_context import RunContext

Polygon = Sequence[Sequence[float]]


def landscape(
    subject: RunContext,
    view: str = "pca",
    kind: Literal["auto", "potential", "quasi"] = "auto",
    time: float | None = None,
    roll: Polygon = (),
    by: str = "",
    roll_label: Sequence[str] | None = None,
) -> Landscape:
    """by: annotation that names the basins; roll_label: annotation and value of the cells that roll."""
    from cellflow_core.analysis import landscape as analysis

    label = None if roll_label is None else (roll_label[0], roll_label[1])
    return analysis.landscape(subject.model, subject.data, view_of(subject, view), kind, time, roll, label, by)


def moving_landscape(
    subject: RunContext,
    view: str = "pca",
    kind: Literal["auto", "potential", "quasi"] = "auto",
    roll: Polygon = (),
    by: str = "",
    roll_label: Sequence[str] | None = None,
) -> MovingLandscape:
    """by: annotation that names the basins; roll_label: annotation and value of the cells that roll."""
    from cellflow_core.analysis.fields import moving_landscape as analysis

    label = None if roll_label is None else (roll_label[0], roll_label[1])
    return analysis.moving_landscape(subject.model, subject.data, view_of(subject, view), kind, roll, label, by)


def chain_landscape(
    subject: RunContext,
    view: str = "pca",
    kind: Literal["auto", "potential", "quasi"] = "auto",
    roll: Polygon = (),
    by: str = "",
) -> Landscape:
    """by: annotation that names the basins."""
    from cellflow_core.analysis.transitions import chain_landscape as analysis

    return analysis.chain_landscape(subject.model, subject.data, view_of(subject, view), kind, roll, by)


def barriers(
    subject: RunContext,
    view: str = "pca",
    kind: Literal["auto", "potential", "quasi"] = "auto",
    time: float | None = None,
    by: str = "",
) -> Barriers:
    """by: annotation that names the basins."""
    from cellflow_core.analysis.fields import barriers as analysis

    siblings = subject.ensemble[1:]
    return analysis.barriers(subject.model, subject.data, view_of(subject, view), kind, time, by, siblings)


def flow(
    subject: RunContext, view: str = "pca", time: float | None = None, projection: Literal["field", "graph"] = "field"
) -> FlowField:
    from cellflow_core.analysis.flow import flow_field

    siblings = subject.ensemble[1:]
    return flow_field(subject.model, subject.data, view_of(subject, view), time, projection, siblings=siblings)


def field_derivatives(subject: RunContext, time: float | None = None) -> FieldDerivatives:
    from cellflow_core.analysis.fields.pictures import field_derivatives

    return field_derivatives(subject.model, subject.data, time)


def fixed_points(subject: RunContext, view: str = "pca", time: float | None = None) -> FixedPoints:
    from cellflow_core.analysis.fields.pictures import fixed_point_map

    return fixed_point_map(subject.model, subject.data, view_of(subject, view), time)
