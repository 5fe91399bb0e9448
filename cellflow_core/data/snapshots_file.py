"""Snapshots as one `.npz` of plain arrays: no pickles, and the same fingerprint after reading as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.space import StateSpace

Array = np.ndarray


def save_snapshots(path: Path, data: Snapshots) -> None:
    """Write the arrays as they are and the rest as JSON; labels must be arrays of unicode."""
    space = data.space
    held: dict[str, Any] = {"x": data.x, "t": data.t, "axes": text(space.axes), "genes": text(space.genes)}
    optional = {
        "mean": space.mean,
        "decoder": space.decoder,
        "velocity": data.velocity,
        "mass": data.mass,
        "lineage": data.lineage,
    }
    held |= {name: value for name, value in optional.items() if value is not None}
    held |= {f"label_{k}": values for k, values in enumerate(data.labels.values())}
    plain = {"kind": space.kind, "time_unit": data.time_unit, "labels": list(data.labels)}
    np.savez(path, plain=np.array(json.dumps(plain)), **held)


def load_snapshots(path: Path) -> Snapshots:
    """Read what `save_snapshots` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    plain: Mapping[str, Any] = json.loads(str(held["plain"]))
    space = StateSpace(
        plain["kind"],
        tuple(held["axes"].tolist()),
        tuple(held["genes"].tolist()),
        held.get("mean"),
        held.get("decoder"),
    )
    labels = {name: held[f"label_{k}"] for k, name in enumerate(plain["labels"])}
    return Snapshots(
        held["x"],
        held["t"],
        space,
        plain["time_unit"],
        velocity=held.get("velocity"),
        mass=held.get("mass"),
        lineage=held.get("lineage"),
        labels=labels,
    )


def text(values: Any) -> Array:
    """As an array of unicode, also where it is empty."""
    return np.asarray([str(each) for each in values], dtype=np.str_)
