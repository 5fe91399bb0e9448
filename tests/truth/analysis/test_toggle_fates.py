"""The toggle switch: what a trained model says of fates and knock-outs, against the circuit itself."""

from functools import cache

import numpy as np
import pytest

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import fate_map
from cellflow_core.analysis.landscape import landscape
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.data.simulators.toggle import LABEL, Settings, Toggle
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
ERROR = 0.05
"""Largest error of a share that the product promises."""

# With the 600 cells a time of the demo the standard error of a measured share is 0.02 already, and every model inherits
# it; with 2,000 what is tested is the model.
DATA = Toggle(Settings(cells_per_time=2000)).simulate()
CENTER = DATA.x - DATA.x.mean(axis=0)
VIEW = Embedding("pca", ("PC1", "PC2"), CENTER @ np.linalg.svd(CENTER, full_matrices=False)[2][:2].T, DATA.x)


@cache
def trained(name: str) -> Model:
    kind = registry.find(name)
    model = registry.create(name, {}, DATA.spec, 0)
    fit(model, DATA, TrainConfig.preset("standard", kind))
    return model


NAMES = ["ot-cfm", pytest.param("sf2m", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", NAMES)
def test_the_shares_of_the_fates(name):
    truth = Toggle().fate_shares()
    by_label = fate_map(trained(name), DATA, VIEW, LABEL)
    for fate, share in zip(by_label.names, by_label.share, strict=True):
        assert share == pytest.approx(truth[fate], abs=ERROR), fate


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_states_are_found(name):
    found = fate_map(trained(name), DATA, VIEW)
    assert found.names == ("state 1 (fate A)", "state 2 (fate B)")
    truth = Toggle().fate_shares()
    committed = truth["fate A"] + truth["fate B"]
    assert found.share[0] == pytest.approx(truth["fate A"] / committed, abs=ERROR)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gene", ["MasterA", "MasterB"])
def test_the_shift_of_fates_by_a_knock_out_of_a_master(name, gene):
    truth, held = Toggle().fate_shares(), Toggle().fate_shares(clamp={gene: 0.0})
    made = perturbation(trained(name), DATA, VIEW, gene, "knock-out", states=LABEL)
    assert made.levels == (0.0,)
    for fate, change in zip(made.names, made.change, strict=True):
        assert change == pytest.approx(held.get(fate, 0.0) - truth.get(fate, 0.0), abs=ERROR), fate


def test_the_wells_stand_where_the_circuit_comes_to_rest():
    made = landscape(trained("ot-cfm"), DATA, VIEW, by=LABEL)
    last = DATA.t == 4.0
    assert set(made.basins) == {"fate A", "fate B"}
    for fate, share in zip(made.basins, made.settled, strict=True):
        assert share == pytest.approx(np.mean(DATA.labels[LABEL][last] == fate), abs=0.1), fate
    for fate in ("fate A", "fate B"):
        cells = last & (DATA.labels[LABEL] == fate)
        assert np.median(made.cell_height[cells]) < 3.0 < np.median(made.cell_height[DATA.t == 0.0])
    first, *_, last_heights = made.path_height
    assert np.isfinite(first).all() and np.isnan(last_heights).mean() < 0.1, "few paths leave the map"
    assert first.mean() > np.nanmean(last_heights) + 3
    assert made.non_gradient < 0.3
