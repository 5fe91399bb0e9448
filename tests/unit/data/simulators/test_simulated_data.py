"""Any simulator's cells become a data set that knows what made it."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators import registry
from cellflow_core.data.simulators.contract import CAPABILITIES, HasLayers
from cellflow_core.data.store import demos, store

FINGERPRINTS = {"toggle": "60cde81cc95db03b", "krumsiek11": "2c7097d18838b2b6"}
"""Of the demos whose cells do not hang on the arithmetic of a machine, as the PCA of the third does."""


def few(name: str) -> dict[str, int]:
    """Settings that make a simulator quick."""
    small = {"cells_per_time": 12, "n_times": 2, "subjects": 6}
    known = {each.name for each in registry.find(name).Config.settings()}
    return {key: value for key, value in small.items() if key in known}


@pytest.mark.parametrize("name", registry.names())
def test_every_simulator_makes_a_data_set_that_says_what_is_known(name: str) -> None:
    process = registry.create(name, few(name))
    id = demos.simulate(name, few(name))
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
    assert set(demos.KNOWN) <= set(CAPABILITIES)
    for name in registry.names():
        assert demos.known_words(registry.find(name)), name


def test_a_name_of_ones_own_and_mistakes() -> None:
    id = demos.simulate("toggle", few("toggle") | {"bias": 0.2}, " Class 7b ")
    info = store.open_dataset(id).info
    assert info.label == "Class 7b" and "bias 0.2 (not 0.045)" in info.steps[1]
    with pytest.raises(ValueError, match="bias=9"):
        demos.simulate("toggle", {"bias": 9})
    with pytest.raises(KeyError, match="'dice'"):
        demos.simulate("dice", {})
    with pytest.raises(ValueError, match="5,000,000 cells"):
        demos.simulate("toggle", {"cells_per_time": 100_000, "n_times": 50})
    assert len(store.datasets()) == 1


@pytest.mark.parametrize("name", registry.names())
def test_a_preview_is_a_few_cells_on_two_axes(name: str) -> None:
    points, times, axes = demos.preview(name, {})
    assert points.shape == (len(times), 2) and len(times) <= 60 * len(set(times)) and len(axes) == 2
    assert np.isfinite(points).all()


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_demos_stay_what_they_were(name: str) -> None:
    """Runs trained on them find their cells by this."""
    id = demos.make(name)
    assert id == f"demo-{name}" and store.open_dataset(id).info.fingerprint == FINGERPRINTS[name]
