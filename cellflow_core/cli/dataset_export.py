"""`data export ID FILE`: a data set as one `.h5ad`, which this app reads back without any loss."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(actions: Any) -> None:
    parser = actions.add_parser("export", help="write a data set to .h5ad", description=_export.__doc__)
    parser.add_argument("id", help="id of the data set")
    parser.add_argument("out", type=Path, help="file to write, ending in .h5ad")
    parser.set_defaults(do=_export)


def _export(chosen: argparse.Namespace) -> None:
    """Cells, times, annotations, expression, layers and the state space: importing the file gives the same data set."""
    from cellflow_core.data.store import open_dataset
    from cellflow_core.data.store.h5ad_export import write_dataset

    if chosen.out.suffix != ".h5ad":
        raise ValueError(f"{chosen.out.name} does not end in .h5ad, which is the format that data sets are written in")
    dataset = open_dataset(chosen.id)
    write_dataset(dataset, chosen.out)
    print(f"{dataset.info.cells:,} cells of {dataset.info.label} in {chosen.out}")
