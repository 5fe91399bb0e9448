"""Data sets on disk, a folder each: list, open, save, delete and restore them.

catalog (the door): all data sets; dataset: one of them; snapshots_file, expression: how its arrays are stored.
"""

from cellflow_core.data.store.catalog import (
    DEMO,
    add_view,
    ancestors,
    damaged_datasets,
    datasets,
    delete,
    open_dataset,
    restore,
    save_dataset,
    trashed,
)
from cellflow_core.data.store.dataset import DamagedDatasetError, Dataset, DatasetInfo
from cellflow_core.data.store.rights import rename, require

__all__ = [
    "DEMO",
    "DamagedDatasetError",
    "Dataset",
    "DatasetInfo",
    "add_view",
    "ancestors",
    "damaged_datasets",
    "datasets",
    "delete",
    "open_dataset",
    "rename",
    "require",
    "restore",
    "save_dataset",
    "trashed",
]
