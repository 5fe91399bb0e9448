"""A stored data set as one `.h5ad` file."""

from __future__ import annotations

import json
from pathlib import Path

from cellflow_core.data.readers.anndata_io import write_snapshots
from cellflow_core.data.store import cell_names, group_colours
from cellflow_core.data.store.dataset import Dataset


def write_dataset(dataset: Dataset, path: Path) -> None:
    """A stored data set with its measured expression, layers and pictures."""
    info = dataset.info
    about = {"label": info.label, "origin": info.origin, "source": info.source, "fingerprint": info.fingerprint}
    about |= {"steps": "; ".join(info.steps), "notes": "; ".join(info.notes), "recipe": json.dumps(info.recipe)}
    write_snapshots(
        path,
        dataset.snapshots(),
        expression=dataset.measured.table() if dataset.measured.genes else None,
        genes=dataset.measured.genes,
        gene_ids=dataset.measured.ids,
        layers={each: dataset.layer(each).table() for each in info.layers},
        views={each: dataset.embedding(each) for each in info.views},
        about=about,
        colours=group_colours.read(dataset),
        cell_names=cell_names.read(dataset),
    )
