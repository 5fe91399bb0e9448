"""`.h5ad` files of anndata 0.7 to today. Only what is used is read, and in a look only the first rows of that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.data.readers.anndata import frames, matrices
from cellflow_core.data.readers.anndata.colours import ENDING, colours
from cellflow_core.data.readers.anndata.obsm import coordinates_and_panels
from cellflow_core.data.readers.anndata.old import of_old
from cellflow_core.data.readers.hdf5 import is_group
from cellflow_core.data.readers.table import InvalidInputError, ReadOptions, Table, Unused, names_of, short
from cellflow_core.data.readers.tenx import by_kind

if TYPE_CHECKING:
    from cellflow_core.data.readers.anndata_io import Restored


def of_h5ad(file: Any, path: Path, name: str, rows: int | None, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008 - frozen
    """The table of an open AnnData file."""
    if not (is_group(file["obs"]) and is_group(file["var"])):
        return of_old(path, name, rows)
    obs = frames.frame(file["obs"], name, "obs", file.get("uns"))
    own = frames.features(file["var"], name)
    used = matrices.chosen(file, own, name, rows, options.matrix)
    _check_shape(used, len(obs), name, rows)
    layers = matrices.layer_matrices(file, used, own, name, rows)
    beside = coordinates_and_panels(file, len(obs), name, rows)
    ready, notes = _ready(file, obs, name)
    x, features = used.x, used.features
    if ready is not None and not ready.expression:
        x, features = x[:, :0], features.take([])  # X is the state once more
    kept = {key: by_kind(each, used.features)[0] for key, each in layers.values.items()}
    x, features, panels = by_kind(x, features)
    return Table(
        "AnnData",
        x,
        features.names,
        obs,
        beside.coordinates,
        "log1p" in file.get("uns", {}) and used.place == "X",
        tuple(each for each in (used.note, *features.notes, *notes) if each),
        kept,
        panels | beside.panels,
        ready and ready.data,
        ids=features.ids,
        matrix=used.place,
        matrices={place: matrices.shown(place) for place in matrices.places(file)},
        places=layers.places,
        unused=(*layers.unused, *beside.unused, *_unused(file, used.place)),
        colours=colours(file.get("uns"), obs, name),
    )


def _unused(file: Any, place: str) -> Iterator[Unused]:
    """Parts of the file that are never read, and the matrices that are not the chosen one."""
    if place != "X" and "X" in file:
        yield Unused("X", f"the values of {matrices.shown(place)} are used")
    if "raw" in file and place != "raw":
        yield Unused(".raw", f"the values of {matrices.shown(place)} are used; .raw can be chosen as the matrix")
    columns = frames.var_columns(file["var"])
    if columns:
        yield Unused(f"var: {_listed(columns)}", "of genes only names and accession ids are kept")
    for key, reason in (
        ("obsp", "graphs of neighbours are computed again from the state"),
        ("varm", "loadings are computed again with the components"),
        ("varp", "graphs of genes are not used"),
        ("uns", "settings and results of other programs are not used"),
    ):
        held = [each for each in file.get(key, {}) if not each.endswith(ENDING)]
        if held:
            yield Unused(f"{key}: {_listed(held)}", reason)


def _listed(keys: list[str]) -> str:
    return ", ".join(names_of(keys[:8])) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")


def _ready(file: Any, obs: Any, name: str) -> tuple[Restored | None, list[str]]:
    """The whole data set where this app wrote the file, and what must be known of it."""
    from cellflow_core.data.readers import anndata_io

    if anndata_io.KEY not in file.get("uns", {}):
        return None, []
    try:
        found = anndata_io.restore(file, obs, name)
    except anndata_io.CHANGED as error:
        return None, [f"this app wrote the file, but it was changed and is read as any other ({short(error)})"]
    return found, [] if found.same else ["the cells were changed after this app wrote them to the file"]


def _check_shape(used: matrices.Matrix, cells: int, name: str, rows: int | None) -> None:
    expected = (min(rows, cells) if rows else cells, len(used.features))
    if used.x.shape != expected:
        raise InvalidInputError(
            f"{name} contradicts itself: {matrices.shown(used.place)} is {used.x.shape[0]} x {used.x.shape[1]} where "
            f"obs and var name {expected[0]} cells and {expected[1]} features; write it again with adata.write_h5ad()"
        )
