"""Make the maps of the lesson "Arrows on a map": cells that split into two fates, their true velocities, four maps.

    python benchmarks/lesson_maps.py        # writes cellflow_core/lessons/maps.npz

Maps: principal components; UMAP with seeds 0 and 1 and 15 neighbors; UMAP with seed 0 and 5 neighbors (umap-learn).
`later` is the cell nearest to where a cell is after TAU hours of its true velocity.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from umap import UMAP

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.simulators.transcription.splicing_bifurcation import Settings, SplicingBifurcation
from cellflow_core.data.spaces.pca import principal
from cellflow_core.lessons.maps import FILE

CELLS = 300
STEP = 0.25
"""How far ahead a cell is followed: this share of the distance between two cells on average."""


def main() -> None:
    data = SplicingBifurcation(Settings(cells_per_time=CELLS)).simulate()
    x, v = data.x.astype(float), data.velocity
    assert v is not None
    far = STEP * np.linalg.norm(x[:, None] - x[None], axis=2).mean() / np.median(np.linalg.norm(v, axis=1))
    ahead = np.linalg.norm((x + far * v)[:, None] - x[None], axis=2)
    np.fill_diagonal(ahead, np.inf)
    maps = [principal(x, data.space.genes, 2).state]
    for seed, neighbors in ((0, 15), (1, 15), (0, 5)):
        maps.append(UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1).fit_transform(x))
    held = {"x": x.astype(np.float32), "v": v.astype(np.float32), "maps": np.stack(maps).astype(np.float32)}
    np.savez_compressed(FILE, **held, later=ahead.argmin(axis=1).astype(np.int32))
    print(f"{len(x)} cells, {len(maps)} maps, {FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
