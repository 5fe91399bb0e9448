"""The ways drawn are those of the simulated cells, with a gap between two."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.figures import trajectories


def test_paths_are_separate_lines_that_end_in_the_last_cells() -> None:
    steps, cells = 5, 7
    predicted = np.random.default_rng(0).normal(size=(steps, cells, 2)).astype(np.float32)
    nothing = np.zeros(2)
    result = TimeCourse(
        "pca", ("PC1", "PC2"), "<i>day", "the first time", np.linspace(0, 1, steps), predicted,
        np.full((steps, cells), 1 / cells), np.array([0.0, 1.0]), nothing, nothing, nothing, np.array([True, True]),
    )  # fmt: skip
    points = np.zeros((4, 2), np.float32)
    figure = trajectories.journey(result, points, np.array([0.0, 0, 1, 1]), paths=3)
    paths, ends = figure.data[-2:]
    x = np.asarray(paths.x).reshape(3, steps + 1)
    assert np.isnan(x[:, -1]).all() and np.isfinite(x[:, :-1]).all()
    assert np.allclose(x[:, -2], ends.x) and set(np.round(ends.x, 5)) <= set(np.round(predicted[-1, :, 0], 5))
    assert "<i>" not in figure.layout.legend.title.text
    assert (
        trajectories.describe(result, points, 3)
        == "4 measured cells, and the paths of 3 simulated ones from time 0 to 1."
    )
