"""A view: the answer to one question about a run, in words, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import plotly.graph_objects as go

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.data.store import Dataset
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary


class Picture(NamedTuple):
    """A figure, its name (of a file), and the figure in words."""

    name: str
    figure: go.Figure
    words: str


class Asked(NamedTuple):
    """What a view is made from besides the answer.

    settings  of the question
    course    roll-out of the run beside the measured cells, which limits the trust; None where there is none
    """

    dataset: Dataset
    settings: Mapping[str, Any]
    course: TimeCourse | None = None
    dark: bool = False

    @property
    def unit(self) -> str:
        """Of time."""
        return self.dataset.info.time_unit

    def groups(self) -> str:
        """The annotation that tells cells apart: the first one, "" where there is none."""
        return next(iter(self.dataset.info.annotations), "")


@dataclass(frozen=True)
class View:
    """summary: the answer and how far to trust it, or the answer alone; tables: by name (of a file)."""

    summary: Summary | str
    pictures: tuple[Picture, ...]
    tables: Mapping[str, Rows]
    notes: tuple[str, ...] = field(default=())
