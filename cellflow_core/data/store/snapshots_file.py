"""Snapshots as one `.npz` of plain arrays: no pickles, and the same fingerprint after reading as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.aliases import renamed
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import from_arrays

Array = np.ndarray
OPTIONAL = ("velocity", "mass", "growth", "lineage", "subject", "dose", "second_modality")
"""Arrays of Snapshots that may be missing."""


def save_snapshots(path: Path, data: Snapshots) -> None:
    """Write the arrays as they are and the rest as JSON; labels must be arrays of unicode."""
    space = data.space
    held: dict[str, Any] = {"x": data.x, "t": data.t, "axes": text(space.axes), "genes": text(space.genes)}
    optional = {**space.arrays(), **{each: getattr(data, each) for each in OPTIONAL}}
    held |= {name: value for name, value in optional.items() if value is not None}
    held |= {f"label_{k}": values for k, values in enumerate(data.labels.values())}
    held |= {f"covariate_{k}": np.asarray(values, np.float64) for k, values in enumerate(data.covariates.values())}
    named = {"labels": list(data.labels), "covariates": list(data.covariates)}
    plain = {"kind": space.kind, "time_unit": data.time_unit, **named}
    np.savez(path, plain=np.array(json.dumps(plain)), **held)


def load_snapshots(path: Path) -> Snapshots:
    """Read what `save_snapshots` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        held = renamed({name: stored[name] for name in stored.files}, {"modality": "second_modality"})
    plain: Mapping[str, Any] = json.loads(str(held["plain"]))
    space = from_arrays(plain["kind"], tuple(held["axes"].tolist()), tuple(held["genes"].tolist()), held)
    labels = {name: held[f"label_{k}"] for k, name in enumerate(plain["labels"])}
    return Snapshots(
        held["x"],
        held["t"],
        space,
        plain["time_unit"],
        labels=labels,
        covariates={name: held[f"covariate_{k}"] for k, name in enumerate(plain.get("covariates", ()))},
        **{name: held.get(name) for name in OPTIONAL},
    )


def text(values: Any) -> Array:
    """As an array of unicode, also where it is empty."""
    return np.asarray([str(each) for each in values], dtype=np.str_)
