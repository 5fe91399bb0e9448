"""Views of answers that no small run of the other tests gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.store import open_dataset
from cellflow_core.reporting.views import of_cells
from cellflow_core.reporting.views.view import Asked
from tests import examples
from tests.toys import stored


def test_a_flow_with_growth_has_a_second_picture_coloured_by_it():
    made = examples.flow()
    growth = np.linspace(-1.0, 2.0, len(made.cells))
    view = of_cells.flow(examples.flow(growth=growth), Asked(open_dataset(stored()), {}))
    assert [each.name for each in view.pictures] == ["flow", "growth"]
    traces: Any = view.pictures[1].figure.data
    cells = next(each for each in traces if each.name == "cells")
    np.testing.assert_allclose(cells.marker.color, growth, rtol=1e-6)
    assert "growth" in view.tables
