"""`.h5mu` files of MuData: one AnnData for each modality of the same cells (Bredikhin et al., Genome Biol. 2022,
doi:10.1186/s13059-021-02577-8). Genes become the table, every other modality a panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cellflow_core.data.readers.anndata.frames import frame
from cellflow_core.data.readers.anndata.h5ad import of_h5ad
from cellflow_core.data.readers.table import InvalidInputError, Modality, Table, printable

GENES = ("rna", "gex", "gene expression", "genes", "expression", "mrna")
"""Names of the modality of genes, in lower case."""


def is_mudata(file: Any) -> bool:
    """Does an open HDF5 file have the layout of MuData?"""
    import h5py

    held = file.get("mod")
    return isinstance(held, h5py.Group) and bool(held) and all("obs" in each for each in held.values())


def of_mudata(file: Any, path: Path, name: str, rows: int | None) -> Table:
    """Cells that every modality has, in the order of the genes.

    Raises InvalidInputError where no modality holds genes.
    """
    held = file["mod"]
    main = next((key for key in held if key.lower() in GENES), "")
    if not main:
        raise InvalidInputError(
            f"{name} is MuData with the modalities {', '.join(map(printable, held))}, and one of genes, named rna, is "
            "expected: rename it, or write one modality with adata.write_h5ad()"
        )
    tables = {key: of_h5ad(group, path, name, None) for key, group in held.items()}
    genes = tables.pop(main)
    shared = genes.obs.index
    for each in tables.values():
        shared = shared[shared.isin(each.obs.index)]
    if not len(shared) or any(not each.obs.index.is_unique for each in (genes, *tables.values())):
        raise InvalidInputError(
            f"{name}: {len(shared)} cells have a name that every modality knows and that is used once: write the file "
            "again with mdata.obs_names_make_unique() and muon.pp.intersect_obs(mdata)"
        )
    obs = _joined(frame(file["obs"], name, "obs"), genes.obs).loc[shared]
    at = genes.obs.index.get_indexer(shared)
    lost = len(genes.obs) - len(shared)
    notes = [f"{lost:,} cells that not every modality has were left out"] if lost else []
    notes += genes.notes
    panels: dict[str, Modality] = {}
    for key, each in tables.items():
        own = each.obs.index.get_indexer(shared)[:rows]
        panels[printable(key)] = Modality(each.x[own], each.features)
        beside = {inner: Modality(values) for inner, values in each.obsm.items()} | dict(each.panels)
        panels |= {
            f"{printable(key)} {inner}": Modality(panel.x[own], panel.features) for inner, panel in beside.items()
        }
    return replace(
        genes,
        format="MuData",
        x=genes.x[at[:rows]],
        obs=obs,
        obsm={key: values[at] for key, values in genes.obsm.items()},
        notes=tuple(notes),
        layers={key: values[at[:rows]] for key, values in genes.layers.items()},
        panels={**panels, **{key: Modality(each.x[at[:rows]], each.features) for key, each in genes.panels.items()}},
    )


def _joined(every: Any, own: Any) -> Any:
    """Columns of all cells and those of the genes; "rna:day" of all cells is "day" of the genes once more."""
    every = every.reindex(own.index)
    kept = [each for each in every.columns if ":" not in each and each not in own.columns]
    return own.join(every[kept])
