"""AnnData as a `.zarr` folder in an archive: written as .h5ad beside the temporary files, and read as one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import InvalidInputError

_METADATA = (".zgroup", ".zarray", ".zattrs", ".zmetadata", "zarr.json")


def zarr_files(files: Mapping[str, Path]) -> dict[str, Path]:
    """The files of an AnnData folder by their place in it; none where the archive holds no such folder."""
    for root in ("zarr.json", ".zgroup"):
        for name in files:
            before = name.removesuffix(root)
            if name.endswith(root) and any(each.startswith(f"{before}obs/") for each in files):
                inside = {each.removeprefix(before): at for each, at in files.items() if each.startswith(before)}
                if any(each.startswith("var/") for each in inside):
                    return inside
    return {}


def as_h5ad(inside: Mapping[str, Path], name: str, place: Path) -> Path:
    """The same cells as an .h5ad in the folder `place`.

    Raises InvalidInputError for arrays that need more memory than there may be, and for code in place of values.
    """
    import anndata
    import zarr

    folder = place / "cells.zarr"
    for each, at in inside.items():
        if Path(each).name in _METADATA and b"pickle" in at.read_bytes().lower():
            raise InvalidInputError(
                f"{name} holds Python pickles, which may run code and are not read: write it again with "
                "adata.write_zarr()"
            )
        target = folder / each
        target.parent.mkdir(parents=True, exist_ok=True)
        at.rename(target)
    group = zarr.open_group(folder, mode="r")
    arrays = (each for _, each in group.members(max_depth=None) if isinstance(each, zarr.Array))
    sizes = (max(each.size, math.prod(each.chunks)) * max(each.dtype.itemsize, 8) for each in arrays)
    check_memory(sum(sizes), name, "arrays")  # a chunk is decoded whole, however small its array
    made = place / "cells.h5ad"
    anndata.read_zarr(folder).write_h5ad(made)
    return made
