"""Prior networks that are kept for all data sets of a workspace, each found by its name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.atomic_write import replacing
from cellflow_core.data.networks.edge_table import EdgeTable
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.workspace import NotAllowedError, Workspace, current

MOST_LETTERS = 80


@dataclass(frozen=True)
class AboutNetwork:
    """What a list of networks shows.

    regulators, targets, edges  their numbers; signed: whether repression is told from activation
    source    file or address that it came from
    licence   of the network, where it is known
    organism  whose genes the names are of, "" where nobody said
    notes     what was decided while it was read
    """

    name: str
    regulators: int
    targets: int
    edges: int
    signed: bool
    source: str
    licence: str = ""
    organism: str = ""
    notes: tuple[str, ...] = ()


def add(
    table: EdgeTable,
    name: str,
    source: str,
    licence: str = "",
    organism: str = "",
    workspace: Workspace | None = None,
) -> AboutNetwork:
    """Keep a network, in place of one of the same name. Raises ValueError for a name that is empty or too long."""
    name = " ".join(name.split())
    if not name or len(name) > MOST_LETTERS:
        raise ValueError(f"a network needs a name of 1 to {MOST_LETTERS} letters, found {len(name)}")
    network = PriorNetwork(name, table.source, table.target, table.weight)
    about = AboutNetwork(
        name,
        len(np.unique(network.source)),
        len(np.unique(network.target)),
        len(network.source),
        network.signed,
        source,
        licence,
        organism,
        table.notes,
    )
    with replacing(_path(name, workspace)) as part:
        held: dict[str, Any] = {"about": np.array(json.dumps(asdict(about))), **network.arrays}
        np.savez_compressed(part, **held)
    return about


def kept(workspace: Workspace | None = None) -> tuple[AboutNetwork, ...]:
    """Every network that the owner of the workspace added, and those of nobody, by name."""
    found = {about.name: about for place in reversed(_places(workspace)) for about in map(_about, _files(place))}
    return tuple(sorted(found.values(), key=lambda each: each.name.casefold()))


def find(name: str, workspace: Workspace | None = None) -> tuple[PriorNetwork, AboutNetwork]:
    """A network by name. Raises KeyError that lists those there are."""
    path = next((each / _file(name) for each in _places(workspace) if (each / _file(name)).exists()), None)
    if path is None:
        there = ", ".join(each.name for each in kept(workspace)) or "none"
        raise KeyError(f"there is no network {name!r}; there are {there}: add one first")
    with np.load(path, allow_pickle=False) as held:
        network = PriorNetwork.from_arrays(held)
    if network is None:
        raise ValueError(f"{path} is damaged: delete it, and add the network {name!r} again")
    return network, _about(path)


def delete(name: str, workspace: Workspace | None = None) -> None:
    """Forget a network; data sets that have it keep their copy. Raises KeyError where there is none, NotAllowedError
    where it is everyone's and the workspace a person's."""
    find(name, workspace)
    path = _path(name, workspace)
    if not path.exists():
        raise NotAllowedError(f"the network {name!r} is everyone's: only whoever looks after this server deletes it")
    path.unlink()


def _path(name: str, workspace: Workspace | None) -> Path:
    """Where the owner of the workspace keeps a network of this name."""
    return _places(workspace)[0] / _file(name)


def _places(workspace: Workspace | None) -> list[Path]:
    """Folders of networks, the owner's first; then that of nobody, which is everyone's."""
    workspace = current(workspace)
    shared = workspace.networks
    if not workspace.owner:
        return [shared]
    own = shared / workspace.owner
    own.mkdir(exist_ok=True)
    return [own, shared]


def _files(place: Path) -> list[Path]:
    return sorted(place.glob("[!.]*.npz"))


def _file(name: str) -> str:
    return f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.npz"


def _about(path: Path) -> AboutNetwork:
    with np.load(path, allow_pickle=False) as held:
        values: dict[str, Any] = json.loads(str(held["about"]))
    return AboutNetwork(**{**values, "notes": tuple(values["notes"])})
