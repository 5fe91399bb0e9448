"""Finds models by name: `ot-cfm` is the one model class in `<family>/ot_cfm.py`. Only the asked file is imported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.clock import MEASURED, Clock
from cellflow_core.models.contract import DynamicsModel

_HERE = Path(__file__).parent
_REGISTERED: dict[str, tuple[str, type[DynamicsModel]]] = {}
"""Models that are in no file of this folder, with their families."""
_SHARED = (
    "networks",
    "paths",
    "transport",
    "losses",
    "splicing",
    "lineages",
    "gene_fields",
    "gene_networks",
    "individuals",
)
"""Folders that hold what models share, and no model."""


def names() -> tuple[str, ...]:
    """Every model, sorted by family and name, without importing any; those that were registered come last."""
    return (*_of_files(), *_REGISTERED)


@cache
def _of_files() -> tuple[str, ...]:
    found = (path for path in sorted(_HERE.glob("*/[!_]*.py")) if path.parent.name not in _SHARED)
    return tuple(path.stem.replace("_", "-") for path in found)


@contextmanager
def registered(name: str, family: str, kind: type[DynamicsModel]) -> Iterator[None]:
    """Within this block, and this process, the model is found like those in files. For tests and trials."""
    if name in names():
        raise ValueError(f"there is a model {name!r} already: give it another name")
    _REGISTERED[name] = (family, kind)
    try:
        yield
    finally:
        del _REGISTERED[name]


def family(name: str) -> str:
    """The folder a model lives in: `flow_matching`, `bridges` ..."""
    if name in _REGISTERED:
        return _REGISTERED[name][0]
    return _file(name).parent.name


def find(name: str) -> type[DynamicsModel]:
    """The model class. Raises KeyError that lists the models there are."""
    if name in _REGISTERED:
        return _REGISTERED[name][1]
    path = _file(name)
    module = importlib.import_module(f"cellflow_core.models.{path.parent.name}.{path.stem}")
    found = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, DynamicsModel) and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{path} must hold exactly one model, found {len(found)}")
    return found[0]


def create(name: str, settings: Mapping[str, Any], spec: DataSpec, seed: int, device: str = "cpu") -> DynamicsModel:
    """A new model with first weights decided by `seed` alone; the caller's random state is left as it was. Members
    have their default settings and the same seed.

    spec  of the data; the model's own is on its clock
    Raises KeyError where there is no such model, ValueError where it rests on a package that is not installed.
    """
    kind = find(name)
    kind.check_installed()
    config = kind.Config.from_dict(settings)
    clock = Clock.of(spec) if kind.on_interval_clock(config) else MEASURED
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config, clock.inner(spec)).to(device)
    model.clock = clock
    for each in kind.member_names(model.config):
        model.members[each] = create(each, {}, spec, seed, device)
    return model


def _file(name: str) -> Path:
    found = [path for path in _HERE.glob(f"*/{name.replace('-', '_')}.py") if path.parent.name not in _SHARED]
    if name not in names() or not found:
        raise KeyError(f"there is no model {name!r}; there are {', '.join(names())}")
    return found[0]
