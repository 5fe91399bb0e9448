"""Windows of the latent time of a run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from cellflow_core.data import store
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.steps.derive import derive
from cellflow_core.runs.latent_time import use_latent_time
from tests import toys
from tests.unit.data.steps.test_moments import FEW
from tests.unit.runs.test_estimated_velocity import components, trained_on


def test_cells_come_in_windows_of_their_order() -> None:
    simulated = simulate("branching-tree", {"seed": 1})
    run = toys.finished(toys.recipe(simulated, model="dpt", settings={}, training={"steps": 1})).id
    made = store.open_dataset(use_latent_time(run, 4))
    cells = made.snapshots()
    assert made.info.parent == simulated and made.info.time_unit == "pseudotime" and len(cells.times) == 4
    assert spearmanr(cells.t, cells.covariates["pseudotime"]).statistic > 0.9
    assert "latent time of" in made.info.steps[-1] and any("no unit and no speed" in each for each in made.info.notes)
    sizes = np.unique(cells.t, return_counts=True)[1]
    assert sizes.max() - sizes.min() <= 2


def test_a_model_without_an_order_is_refused() -> None:
    run = trained_on(derive(components(), "moments", FEW))
    with pytest.raises(ValueError, match="gives cells no latent time"):
        use_latent_time(run)
