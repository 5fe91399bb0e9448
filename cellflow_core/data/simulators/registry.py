"""Simulators by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cellflow_core.data.simulators.contract import HasFates, HasNetwork, Simulator
from cellflow_core.registry import Registry

_SIMULATORS = Registry(
    "cellflow_core.data.simulators",
    Simulator,
    "simulator",
    ("compartments", "contract", "courses", "dosed", "measurement", "registry", "sde", "simulated_data", "stationary"),
)
names = _SIMULATORS.names
find = _SIMULATORS.find


def create(name: str, settings: Mapping[str, Any] | None = None) -> Simulator:
    """A simulator with these settings. Raises ValueError for a setting that is unknown or out of its bounds."""
    kind = find(name)
    return kind(kind.Config.from_dict(dict(settings or {})))


def answer(name: str, settings: Mapping[str, Any], question: str, *args: Any, **kwargs: Any) -> Any:
    """What the simulator with these settings says to a method of its interfaces, such as "fate_shares"."""
    return getattr(create(name, settings), question)(*args, **kwargs)


def answer_each(name: str, settings: Mapping[str, Any], question: str, arguments: Iterable[Any]) -> list[Any]:
    """The same for each of several arguments, such as "mass" at every time."""
    method = getattr(create(name, settings), question)
    return [method(each) for each in arguments]


def knows_of(name: str, answer: type) -> bool:
    """Whether there is a simulator of this name that knows such an answer, one of the contract's interfaces."""
    return name in names() and issubclass(find(name), answer)


def fate_shares(name: str, settings: Mapping[str, Any], clamp: Mapping[str, float] | None = None) -> dict[str, float]:
    """True share of each fate, with genes held at levels. Raises ValueError for a simulator that knows no fates."""
    simulator = create(name, settings)
    if not isinstance(simulator, HasFates):
        raise ValueError(f"where cells end is not known of the simulator {name!r}")
    return simulator.fate_shares(clamp)


def true_network(name: str, settings: Mapping[str, Any], genes: Sequence[str]) -> np.ndarray | None:
    """Who acts on whom among these genes, as in `HasNetwork`; None where the simulator knows no network of all."""
    if not knows_of(name, HasNetwork):
        return None
    simulator = create(name, settings)
    assert isinstance(simulator, HasNetwork)
    if not set(genes) <= set(simulator.axes):
        return None
    at = [simulator.axes.index(each) for each in genes]
    return simulator.network()[np.ix_(at, at)]
