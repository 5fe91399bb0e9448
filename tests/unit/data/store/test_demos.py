from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing import demos


@pytest.mark.parametrize("demo", demos.DEMOS, ids=lambda each: each.name)
def test_every_demo_is_made_once(demo) -> None:
    message: list[str] = []
    id = demos.make(demo.name, message.append)
    assert id == f"demo-{demo.name}" and message
    opened = store.open_dataset(id)
    data = opened.snapshots()
    assert len(data.times) >= 4 and min(opened.info.counts) >= 50
    assert opened.info.truth == demo.truth and opened.info.origin == "demo" and opened.info.steps
    assert np.isfinite(opened.expression(opened.genes[0])).all()
    created = opened.info.created
    assert demos.make(demo.name) == id and store.open_dataset(id).info.created == created


def test_a_damaged_demo_is_made_again() -> None:
    folder = store.open_dataset(demos.make("toggle")).folder
    (folder / "info.json").write_text("{")
    assert store.open_dataset(demos.make("toggle")).info.cells == 3000
    assert store.damaged_datasets() == ()


def test_an_unknown_demo_is_named() -> None:
    with pytest.raises(KeyError, match="toggle"):
        demos.make("nothing")


def test_pseudotime_runs_from_the_progenitors() -> None:
    opened = store.open_dataset(demos.make("pbmc-myeloid"))
    data = opened.snapshots()
    early = data.labels["cell type"][data.t == data.times[0]]
    assert (early == "CD34+").sum() == (data.labels["cell type"] == "CD34+").sum()
    assert opened.info.space == "pca" and "pseudotime" in opened.info.notes[0]


def test_the_toggle_is_the_same_everywhere() -> None:
    first = store.open_dataset(demos.make("toggle")).info.fingerprint
    store.delete("demo-toggle")
    assert store.open_dataset(demos.make("toggle")).info.fingerprint == first
