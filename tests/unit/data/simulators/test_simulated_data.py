"""Any simulator's cells become a data set that knows what made it."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core import aliases
from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.data.simulators import registry, simulated_data
from cellflow_core.data.simulators.contract import CAPABILITIES, HasLayers

FINGERPRINTS = {"toggle": "60cde81cc95db03b", "krumsiek11": "2c7097d18838b2b6"}
"""Of the demos whose cells do not hang on the arithmetic of a machine, as the PCA of the third does."""


def few(name: str) -> dict[str, int]:
    """Settings that make a simulator quick."""
    small = {"cells_per_time": 12, "n_times": 2, "subjects": 6}
    least = {each.name: int(each.low or 0) for each in registry.find(name).Config.settings() if each.name in small}
    return {key: max(value, least[key]) for key, value in small.items() if key in least}


@pytest.mark.parametrize("name", registry.names())
def test_every_simulator_makes_a_data_set_that_says_what_is_known(name: str) -> None:
    process = registry.create(name, few(name))
    id = simulated_data.simulate(name, few(name))
    opened = store.open_dataset(id)
    info, cells = opened.info, opened.snapshots()
    assert info.truth == name and info.origin == "simulated" and info.label.startswith(process.title)
    assert registry.create(name, info.truth_settings).settings == process.settings
    assert info.recipe == ({"step": "simulate", "settings": {"simulator": name, **process.settings.as_dict()}},)
    assert cells.fingerprint == process.simulate().fingerprint and cells.space.axes == tuple(process.axes)
    assert info.notes[0].startswith("Simulated") and "Known exactly: " in info.notes[1]
    assert "(not " in info.label and all("(not " in each for each in info.steps[1:2])
    layers = process.layers() if isinstance(process, HasLayers) else {}
    assert set(info.layers) == set(layers)
    for layer, values in layers.items():
        np.testing.assert_allclose(opened.layer(layer).table(), values, rtol=1e-6)


def test_what_is_known_has_words() -> None:
    assert set(simulated_data.KNOWN) <= set(CAPABILITIES)
    for name in registry.names():
        assert simulated_data.known_words(registry.find(name)), name


def test_a_name_of_ones_own_and_mistakes() -> None:
    id = simulated_data.simulate("toggle", few("toggle") | {"bias": 0.2}, " Class 7b ")
    info = store.open_dataset(id).info
    assert info.label == "Class 7b" and "bias 0.2 (not 0.045)" in info.steps[1]
    with pytest.raises(ValueError, match="Bias must be a number from -0.5 to 0.5, not 9"):
        simulated_data.simulate("toggle", {"bias": 9})
    with pytest.raises(KeyError, match="'dice'"):
        simulated_data.simulate("dice", {})
    with pytest.raises(ValueError, match="5,000,000 cells"):
        simulated_data.simulate("toggle", {"cells_per_time": 100_000, "n_times": 50})
    assert len(store.datasets()) == 1


@pytest.mark.parametrize("name", registry.names())
def test_a_preview_is_a_few_cells_on_two_axes(name: str) -> None:
    points, times, axes = simulated_data.preview(name, {})
    assert points.shape == (len(times), 2) and len(times) <= 60 * len(set(times)) and len(axes) == 2
    assert np.isfinite(points).all()


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_demos_stay_what_they_were(name: str) -> None:
    """Runs trained on them find their cells by this."""
    id = demos.make(name)
    assert id == f"demo-{name}" and store.open_dataset(id).info.fingerprint == FINGERPRINTS[name]


V05 = {
    "birth-death": "founders frames states birth_1 death_1 travel noise spread extra seed",
    "branching-tree": "cells_per_time ends levels bias speed noise width extra step",
    "cell-cycle": "frames turn synchrony attraction noise leaving extra step",
    "double-well": "frames last_time dims barrier tilt rate noise",
    "gaussian-bridge": "dims noise start end start_spread end_spread stretch turn",
    "gene-circuit": "frames division noise step",
    "interacting-particles": "dims attraction repulsion closeness confinement travel noise apart start_spread",
    "krumsiek": "gata2_start pu1_start gfi1_rate egr_rate noise hill step",
    "ornstein-uhlenbeck": "dims mean rate stretch turn noise start start_spread",
    "pkpd": "lowest_dose highest_dose groups doses every absorption effect variety error subjects frames times",
    "repressilator": "transcription leak hill mrna_life protein_life noise together",
    "splicing": "transcription splicing degradation variety genes spread measured error capture",
    "toggle": "frames last_time noise bias growth_gap step seed",
}
"""Names of settings in version 0.5."""


@pytest.mark.parametrize("name", V05)
def test_settings_that_version_05_stored_are_read_under_their_names(name):
    known = {each.name for each in registry.find(name).Config.settings()}
    assert set(aliases.simulator(name, dict.fromkeys(V05[name].split(), 1))) <= known
