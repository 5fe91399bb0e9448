from __future__ import annotations

import numpy as np

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.data.preprocessing import umap
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace


def test_umap_is_stored_once_and_keeps_fates_apart(monkeypatch) -> None:
    id = demos.make("toggle")
    umap.add_umap(id)
    opened = store.open_dataset(id)
    data, view = opened.snapshots(), opened.embedding("umap")
    assert opened.info.views == ("pca", "umap") and np.isfinite(view).all()
    last, fate = data.t == data.times[-1], data.labels["true fate"]
    a, b = (view[last & (fate == each)] for each in ("fate A", "fate B"))
    assert np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)) > 2 * max(a.std(axis=0).max(), b.std(axis=0).max())
    monkeypatch.setattr(umap, "umap", None)
    umap.add_umap(id)


def test_umap_repeats_and_takes_few_and_equal_cells() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    x[:4] = x[0]
    data = Snapshots(x, np.repeat([0.0, 1.0], 10), AffineSpace.coordinates(("a", "b", "c")))
    views = []
    for _ in range(2):
        id = store.save_dataset(data, label="x", origin="upload", source="f")
        umap.add_umap(id)
        views.append(store.open_dataset(id).embedding("umap"))
    assert (views[0] == views[1]).all() and np.isfinite(views[0]).all()
