"""Snapshots as one `.npz` of plain arrays: no pickles, and the same fingerprint after reading as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.channels import CHANNELS, Channel, NamedChannel
from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import from_arrays

Array = np.ndarray


def save_snapshots(path: Path, data: Snapshots) -> None:
    """Write the arrays as they are and the rest as JSON; text must be arrays of unicode."""
    space = data.space
    held: dict[str, Any] = {"x": data.x, "t": data.t, "axes": text(space.axes), "genes": text(space.genes)}
    held |= {name: value for name, value in {**space.arrays(), "mass": data.mass}.items() if value is not None}
    held |= {} if data.network is None else data.network.arrays
    held |= {} if data.doses is None else data.doses.arrays
    plain: dict[str, Any] = {"kind": space.kind, "time_unit": data.time_unit, "treatments": data.treatments}
    for name, channel in CHANNELS.items():
        value = data.channels.get(name)
        if isinstance(channel, NamedChannel):
            plain[name] = list(value or {})
            held |= {f"{channel.key}_{k}": _typed(each, channel) for k, each in enumerate((value or {}).values())}
        elif value is not None:
            held[name] = value
    np.savez(path, plain=np.array(json.dumps(plain)), **held)


def load_snapshots(path: Path) -> Snapshots:
    """Read what `save_snapshots` wrote, of this version or an earlier one."""
    with np.load(path, allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    plain: Mapping[str, Any] = json.loads(str(held["plain"]))
    space = from_arrays(plain["kind"], tuple(held["axes"].tolist()), tuple(held["genes"].tolist()), held)
    channels: dict[str, Any] = {}
    for name, channel in CHANNELS.items():
        if isinstance(channel, NamedChannel):
            channels[name] = {each: held[f"{channel.key}_{k}"] for k, each in enumerate(plain.get(name, ()))}
        else:
            channels[name] = held.get(name, held.get(channel.earlier_name))
    t = held["t"] if len(held["t"]) else None
    return Snapshots(
        held["x"],
        t,
        space,
        plain["time_unit"],
        mass=held.get("mass"),
        channels=channels,
        network=PriorNetwork.from_arrays(held),
        doses=DoseEvents.from_arrays(held),
        treatments=tuple(plain.get("treatments", ("dose",))),
    )


def _typed(values: Any, channel: Channel) -> Array:
    """Numbers with names in double precision, the rest as it is."""
    return np.asarray(values, np.float64) if channel.values == "number" else np.asarray(values)


def text(values: Any) -> Array:
    """As an array of unicode, also where it is empty."""
    return np.asarray([str(each) for each in values], dtype=np.str_)
