"""Channels: what may be known of every cell besides its state and its time.

A channel is declared once, as an attribute of `Snapshots`. The declaration decides how it is checked, subset, hashed,
stored, exported, carried into a batch, and which requirement of a model it meets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from cellflow_core.data.requirements import DataRequirement

Array = np.ndarray

CHANNELS: dict[str, Channel] = {}
"""Every channel by name, in the order of declaration, which is the order in which they are hashed."""


@dataclass
class Channel:
    """Declaration of one channel.

    meaning       what it is
    unit          of its values, "" for none
    shape         axes after the cells: () for one value a cell, ("dim",) for as many as the state has, ("genes",) for
                  as many as the state space has genes, ("k",) for any number
    values        "number", "integer" or "text"
    requirement   what it meets; where several channels name the same one, all of them must be there
    column        name in an `.h5ad`: in obs for one value a cell, in obsm for more; "" for its own name
    earlier_name  what it was called by version 0.5, under which it is hashed and was stored; "" for its own name
    """

    meaning: str
    unit: str = ""
    shape: tuple[str, ...] = ()
    values: Literal["number", "integer", "text"] = "number"
    requirement: DataRequirement | None = None
    column: str = ""
    earlier_name: str = ""
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        CHANNELS[name] = self

    def check(self, value: Any, cells: int, sizes: Mapping[str, int]) -> None:
        """Raises ValueError that says what was found and expected. sizes: length of the axes that are known."""
        for label, each in self.arrays(value):
            if len(each) != cells:
                raise ValueError(f"{label} has {len(each)} rows for {cells} cells")
            found, axes = np.shape(each)[1:], ", ".join(("cells", *self.shape))
            expected = tuple(sizes.get(axis, size) for axis, size in zip(self.shape, found, strict=False))
            if len(found) != len(self.shape) or found != expected:
                raise ValueError(f"{label} must be an array [{axes}], got one of shape {np.shape(each)}")

    def arrays(self, value: Any) -> Iterator[tuple[str, Array]]:
        """Its arrays, each with one row a cell, and what to call them in a message and in a batch."""
        yield self.name, value

    def take(self, value: Any, cells: Array) -> Any:
        """The values of these cells, by mask or index."""
        return value[cells]

    def content(self, value: Any) -> list[Any]:
        """What of the values is hashed, in a fixed order."""
        return [value]

    @property
    def hashed_as(self) -> str:
        """The name that its content is hashed under, the same in all versions."""
        return self.earlier_name or self.name


class ArrayChannel(Channel):
    """One array with one row a cell; None where it is not known."""

    @overload
    def __get__(self, data: None, owner: Any = None) -> ArrayChannel: ...
    @overload
    def __get__(self, data: object, owner: Any = None) -> Array | None: ...
    def __get__(self, data: Any, owner: Any = None) -> ArrayChannel | Array | None:
        return self if data is None else data.channels.get(self.name)


@dataclass
class NamedChannel(Channel):
    """Any number of named arrays with one value a cell: a mapping from name to [cells]; empty where none is known.

    singular  what one of them is called where it is stored and in a batch
    """

    singular: str = ""

    @overload
    def __get__(self, data: None, owner: Any = None) -> NamedChannel: ...
    @overload
    def __get__(self, data: object, owner: Any = None) -> Mapping[str, Array]: ...
    def __get__(self, data: Any, owner: Any = None) -> NamedChannel | Mapping[str, Array]:
        return self if data is None else data.channels.get(self.name, {})

    @property
    def key(self) -> str:
        """What stored arrays of it begin with."""
        return self.singular.split()[0]

    def arrays(self, value: Any) -> Iterator[tuple[str, Array]]:
        for name, each in value.items():
            yield f"{self.singular} {name}", each

    def take(self, value: Any, cells: Array) -> Any:
        return {name: each[cells] for name, each in value.items()}

    def content(self, value: Any) -> list[Any]:
        return [item for name in sorted(value) for item in (name, value[name])]


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """The channels that are there, in the order of declaration. Raises TypeError for a name that is not declared."""
    for name in values:
        if name not in CHANNELS:
            raise TypeError(f"Snapshots have no channel {name!r}; there are {', '.join(CHANNELS)}")
    there = {name: values[name] for name in CHANNELS if values.get(name) is not None}
    return {name: value for name, value in there.items() if not isinstance(value, Mapping) or value}
