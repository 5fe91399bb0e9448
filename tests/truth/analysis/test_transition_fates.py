"""Fates by transitions where the fate of every cell is known. Each test states its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.transitions.fates import transition_fates
from cellflow_core.data.simulators.registry import create
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated import moments

pytestmark = pytest.mark.truth
CELLS, BRANCH = 600, 6.0


@pytest.mark.parametrize(("share", "seed"), [(0.5, 0), (0.75, 2)])
def test_cells_of_both_branches_have_their_fate_and_progenitors_about_their_shares(share, seed):
    """Velocities estimated from counts, no time given. After the branch, 99 % of the fates are right. Progenitors'
    share of fate A is within 0.15 where the terminal groups are named; where they are found, only within 0.45."""
    data, _, latent = moments("splicing-bifurcation", cells=CELLS, seed=seed, fate_a=share)
    settings = {"cells_per_time": CELLS, "seed": seed, "fate_a": share}
    truth = np.asarray(create("splicing-bifurcation", settings).simulate().labels["true fate"])
    data = replace(data, labels={"fate": truth})
    model = registry.create("consistent-velocity", {}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    view = Embedding("first two genes", ("a", "b"), data.x[:, :2], data.x)
    for ends, error in ((("A", "B"), 0.15), ((), 0.45)):
        made = transition_fates(model, data, view, "fate", ends=ends, start="undecided")
        assert {"A", "B"} <= set(made.names)
        decided = latent > 1.15 * BRANCH
        assert np.mean(np.array(made.names)[made.fate[decided]] == truth[decided]) > 0.99
        assert abs(made.share[made.names.index("A")] - share) < error
