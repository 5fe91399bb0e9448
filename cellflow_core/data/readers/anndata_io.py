"""A data set as an `.h5ad` that scanpy opens, and back again without any loss: the fingerprint stays the same.

Cells are where other tools look for them: time and channels of one value a cell in obs, the state in obsm["X_state"],
channels of several values a cell and embeddings in obsm, expression in X. What AnnData has no place for (the state
space, the names and types of columns, masses) is in uns["cellflow_data"]. Cells that were left out with scanpy are
simply fewer afterwards.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.atomic_write import replacing
from cellflow_core.data.channels import CHANNELS, Channel, NamedChannel
from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.readers.npz import checked
from cellflow_core.data.readers.table import printable
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import from_arrays

Array = np.ndarray
KEY = "cellflow_data"
FORMAT = 1
CHANGED = (KeyError, ValueError, TypeError, zipfile.BadZipFile)
"""What `restore` raises where a file was changed so that it holds no whole data set any more."""
_STATE = "X_state"


def write_snapshots(
    path: Path,
    data: Snapshots,
    *,
    expression: Any = None,
    genes: Iterable[str] = (),
    gene_ids: Iterable[str] = (),
    layers: Mapping[str, Any] | None = None,
    views: Mapping[str, Array] | None = None,
    about: Mapping[str, str] | None = None,
    colours: Mapping[str, Mapping[str, str]] | None = None,
    cell_names: Sequence[str] = (),
) -> None:
    """Write cells; X is `expression` [cells, genes], or the state where there is none. Whole or not at all.

    layers  more measurements of the same genes; views: pictures [cells, 2]; about: words on where the data came from
    colours  annotation -> group -> colour; scanpy finds them where each group has one
    cell_names  become obs_names; cells without names are numbered
    """
    import anndata
    import pandas as pd

    obs, plain = _columns(data)
    plain["expression"] = expression is not None
    ids = tuple(gene_ids) if expression is not None else ()
    names = tuple(genes) if expression is not None else data.space.axes
    index = pd.Index(cell_names or [f"cell-{k}" for k in range(len(data.x))], dtype=object)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Variable names are not unique")
        held = anndata.AnnData(
            data.x if expression is None else expression.tocsr() if hasattr(expression, "tocsr") else expression,
            pd.DataFrame(obs, index=index),
            pd.DataFrame({"gene_ids": list(ids)} if ids else {}, index=pd.Index(names, dtype=object)),
        )
    held.obsm[_STATE] = data.x
    for name, values in data.by_cell.items():
        if CHANNELS[name].shape:
            held.obsm[CHANNELS[name].column or name] = values
    for name, points in (views or {}).items():
        held.obsm[f"X_{name}"] = points
    for key, values in (layers or {}).items():
        held.layers[key] = values.tocsr() if hasattr(values, "tocsr") else values
    held.uns["cellflow"] = dict(about or {})
    for name, by_group in (colours or {}).items():
        held.obs[name] = held.obs[name].astype("category")
        if all(each in by_group for each in held.obs[name].cat.categories):
            held.uns[f"{name}_colors"] = [by_group[each] for each in held.obs[name].cat.categories]
    recorded: dict[str, Any] = {"plain": json.dumps(plain), "space": _packed(data.space.arrays())}
    if data.mass is not None:
        recorded |= {"mass": data.mass, "mass_times": data.times}
    if data.network is not None:
        recorded["network"] = _packed(data.network.arrays)
    if data.doses is not None:
        recorded["doses"] = _packed(data.doses.arrays)
    held.uns[KEY] = recorded
    with replacing(path) as part:
        held.write_h5ad(part, compression="gzip")


@dataclass(frozen=True)
class Restored:
    """What a file of ours held: the cells, whether they are as they were written, and whether X is expression."""

    data: Snapshots
    same: bool
    expression: bool


def read_snapshots(path: Path, fingerprint: str) -> Snapshots:
    """The cells of a file that `write_snapshots` made.

    Raises ValueError where the file is none of ours, or its cells have another fingerprint.
    """
    import h5py
    from anndata.io import read_elem

    with h5py.File(path, "r") as file:
        try:
            found = restore(file, read_elem(file["obs"]), path.name)  # type: ignore[arg-type]
        except CHANGED as error:
            raise ValueError(
                f"{path.name} is no file of cells that this package wrote, or was changed: {error}"
            ) from error
    if found.data.fingerprint != fingerprint:
        raise ValueError(
            f"{path.name} holds cells of fingerprint {found.data.fingerprint}, expected {fingerprint}: take the "
            "file that was exported together with the script"
        )
    return found.data


def restore(file: Any, obs: Any, name: str) -> Restored:
    """The cells of an open file that `write_snapshots` made.

    file  h5py.File; obs: its obs as pandas.DataFrame; name: what the file is called by its owner
    Raises one of CHANGED where something it needs was taken away.
    """
    recorded = file["uns"][KEY]
    plain: Mapping[str, Any] = json.loads(recorded["plain"].asstr()[()])
    if plain["format"] != FORMAT:
        raise ValueError(f"it is of format {plain['format']} and this version reads {FORMAT}: take a newer version")
    t = obs["time"].to_numpy() if plain.get("timed", True) else None
    channels = {each: _restored(channel, file, obs, plain) for each, channel in CHANNELS.items()}
    data = Snapshots(
        file["obsm"][_STATE][:],
        t,
        from_arrays(plain["kind"], tuple(plain["axes"]), tuple(plain["genes"]), _unpacked(recorded["space"][:], name)),
        plain["time_unit"],
        mass=_mass(recorded, t),
        channels=channels,
        network=PriorNetwork.from_arrays(_unpacked(recorded["network"][:], name)) if "network" in recorded else None,
        doses=_doses(_unpacked(recorded["doses"][:], name), channels["subject"]) if "doses" in recorded else None,
        treatments=tuple(plain.get("treatments", ("dose",))),
    )
    return Restored(data, data.fingerprint == plain["fingerprint"], plain["expression"])


def _restored(channel: Channel, file: Any, obs: Any, plain: Mapping[str, Any]) -> Any:
    """The values of one channel, None where the file holds none."""
    if isinstance(channel, NamedChannel):
        return {name: _typed(obs[column], kind) for name, column, kind in plain.get(channel.name, ())}
    if not channel.shape:
        return obs[plain["columns"][channel.name]].to_numpy() if channel.name in plain["columns"] else None
    there = plain.get(channel.name) or plain.get(channel.earlier_name)
    return file["obsm"][channel.column or channel.name][:] if there else None


def _doses(arrays: Mapping[str, Array], subject: Array | None) -> DoseEvents | None:
    """The doses of the individuals that are still there."""
    found = DoseEvents.from_arrays(arrays)
    return None if found is None or subject is None else found.of(subject)


def _columns(data: Snapshots) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns of obs, and what must be known to read them back."""
    import pandas as pd

    timed = bool(len(data.t))
    obs: dict[str, Any] = {"time": data.t} if timed else {}
    plain: dict[str, Any] = {"format": FORMAT, "kind": data.space.kind, "time_unit": data.time_unit, "timed": timed}
    plain |= {"axes": list(data.space.axes), "genes": list(data.space.genes), "fingerprint": data.fingerprint}
    plain["treatments"] = list(data.treatments)
    plain["columns"] = {name: name for name in data.by_cell if not CHANNELS[name].shape}
    obs |= {name: data.by_cell[name] for name in plain["columns"]}
    plain |= {name: True for name in data.by_cell if CHANNELS[name].shape}
    for kind, channel in CHANNELS.items():
        if isinstance(channel, NamedChannel):
            plain[kind] = []
            for name, values in data.channels.get(kind, {}).items():
                column = _free(name if kind in ("labels", "covariates") else f"{channel.singular} {name}", obs)
                array = np.asarray(values)
                plain[kind].append([name, column, array.dtype.str])
                obs[column] = pd.Categorical(array.astype(object)) if array.dtype.kind in "UO" else array
    return obs, plain


def _free(name: str, taken: Iterable[str]) -> str:
    """A column name that a file can hold and that is not taken: HDF5 knows no slash and no name of dots."""
    free = printable(name).replace("/", "_").strip(".") or "unnamed"
    while free in taken or free == "_index":
        free += " (annotation)"
    return free


def _typed(column: Any, kind: str) -> Array:
    """Values of a column in the type they were written from."""
    return np.asarray(column.astype(object) if column.dtype.kind not in "fiub" else column).astype(np.dtype(kind))


def _mass(recorded: Any, t: Array | None) -> Array | None:
    """Masses of the times that are still there."""
    if "mass" not in recorded or t is None:
        return None
    return recorded["mass"][:][np.isin(recorded["mass_times"][:], t)]


def _packed(arrays: Mapping[str, Any]) -> Array:
    """Arrays as bytes of an `.npz` of plain arrays, which keeps every type and shape."""
    file = io.BytesIO()
    held: dict[str, Any] = {name: each for name, each in arrays.items() if each is not None}
    np.savez(file, **held)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def _unpacked(packed: Array, name: str) -> dict[str, Array]:
    file = io.BytesIO(packed.astype(np.uint8).tobytes())
    checked(file, name)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}
