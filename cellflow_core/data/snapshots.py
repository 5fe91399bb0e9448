"""Cells seen at a few times, in one state space: the one input of every model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
_LATER = ("growth", "subject", "dose", "covariates", "second_modality")
_HASHED_AS = {"second_modality": "modality"}
"""Fields whose content is hashed under the name that they had at first, so that stored cells keep their fingerprint."""
MOST_CATEGORIES = 64
"""Categories of an annotation that a model may be conditioned on; a column with more is a name, not a condition."""


class DataRequirement(StrEnum):
    """What a model may need of the data, in the words in which the lack of it is told."""

    TIMES = "cells at two or more times"
    GENES = "a way from the state back to genes"
    VELOCITY = "an RNA velocity of each cell"
    MASS = "the number of cells at each time"
    LINEAGE = "lineage barcodes"
    GROWTH = "a growth rate of each cell"
    SUBJECTS = "the same individuals followed over time"
    DOSE = "the doses each cell or individual was given"
    MODALITY = "a second modality of the same cells (chromatin, proteins ...)"
    COUNTS = "a state that decodes to counts (the autoencoder of counts among the axes that the Data page offers)"


@dataclass(frozen=True)
class DataSpec:
    """All that a model is built from, so that a run reopens without its data.

    times     the distinct times, ascending, in the data's own unit
    center    mean state, [dim]
    scale     root mean square distance of one coordinate from its mean, over all axes (state)
    interval  mean gap between consecutive times (time)
    labels    name and categories of each annotation in at most MOST_CATEGORIES words
    """

    dim: int
    times: tuple[float, ...]
    center: tuple[float, ...]
    scale: float
    interval: float
    genes: tuple[str, ...] = ()
    time_unit: str = ""
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        """Read back what `dataclasses.asdict` and JSON made of a Spec."""
        return cls(**{name: _tuples(value) for name, value in values.items()})


@dataclass(frozen=True)
class Snapshots:
    """Cells x [cells, dim] float32, each seen once, at time t [cells] in the data's own unit.

    velocity    RNA velocity in state space (state / time), [cells, dim]
    mass        number of cells each distinct time stands for, [times]; only where numbers mean something
    growth      prior of the net growth of each cell, birth minus death (1 / time), [cells]
    lineage     clone of each cell, -1 where unknown, [cells]
    subject     individual each row was measured in, where the same ones are followed over time, [cells]
    dose        what was given to each row, [cells, doses]
    labels      annotations in words that follow the cells (cell type, clone name ...), each [cells]
    covariates  annotations in numbers (total counts, mitochondrial share, pseudotime ...), each [cells]; NaN: unknown
    modality    what else was measured in the same cells (chromatin, proteins ...), [cells, k] in axes of its own, in
                which cells are compared with cells of their own time only
    """

    x: Float[Array, "cells dim"]
    t: Float[Array, " cells"]
    space: StateSpace
    time_unit: str = ""
    velocity: Float[Array, "cells dim"] | None = None
    mass: Float[Array, " times"] | None = None
    lineage: Int[Array, " cells"] | None = None
    labels: Mapping[str, Array] = field(default_factory=dict)
    growth: Float[Array, " cells"] | None = None
    subject: Int[Array, " cells"] | None = None
    dose: Float[Array, "cells doses"] | None = None
    covariates: Mapping[str, Array] = field(default_factory=dict)
    second_modality: Float[Array, "cells k"] | None = None

    def __post_init__(self) -> None:
        x = np.ascontiguousarray(self.x, dtype=np.float32)
        t = np.ascontiguousarray(self.t, dtype=np.float64)
        if x.ndim != 2 or not len(x):
            raise ValueError(f"cells must be a table of at least one cell, got an array of shape {x.shape}")
        if t.shape != (len(x),):
            raise ValueError(f"{len(x)} cells need as many times, got an array of shape {t.shape}")
        if x.shape[1] != self.space.dim:
            raise ValueError(f"cells have {x.shape[1]} coordinates, the state space has {self.space.dim}")
        if not (np.isfinite(x).all() and np.isfinite(t).all()):
            bad = int((~np.isfinite(x).all(axis=1) | ~np.isfinite(t)).sum())
            raise ValueError(f"{bad} of {len(x)} cells hold a value or a time that is missing or infinite")
        for name, each in (*self.by_cell.items(), *self.labels.items(), *self.covariates.items()):
            if each is not None and len(each) != len(x):
                raise ValueError(f"{name} has {len(each)} rows for {len(x)} cells")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "t", t)
        if self.mass is not None and len(self.mass) != len(self.times):
            raise ValueError(f"mass has {len(self.mass)} values for {len(self.times)} times")

    @cached_property
    def times(self) -> Float[Array, " times"]:
        """The distinct times, ascending."""
        return np.unique(self.t)

    @property
    def dim(self) -> int:
        return self.x.shape[1]

    @cached_property
    def has(self) -> frozenset[DataRequirement]:
        """What a model can find here."""
        found = {
            DataRequirement.TIMES: len(self.times) > 1,
            DataRequirement.GENES: bool(self.space.genes),
            DataRequirement.VELOCITY: self.velocity is not None,
            DataRequirement.MASS: self.mass is not None,
            DataRequirement.LINEAGE: self.lineage is not None,
            DataRequirement.GROWTH: self.growth is not None,
            DataRequirement.SUBJECTS: self.subject is not None,
            DataRequirement.DOSE: self.dose is not None,
            DataRequirement.MODALITY: self.second_modality is not None,
            DataRequirement.COUNTS: self.space.has_count_model,
        }
        return frozenset(need for need, there in found.items() if there)

    def at(self, time: float) -> Float[Array, "cells dim"]:
        """The cells of one time. Raises KeyError that lists the times there are."""
        frame = self.x[self.t == time]
        if not len(frame):
            raise KeyError(
                f"no cells at time {time:g}; there are cells at {', '.join(f'{each:g}' for each in self.times)}"
            )
        return frame

    def take(self, cells: Array) -> Snapshots:
        """These cells only, by mask or index."""
        kept = np.unique(self.t[cells])
        return replace(
            self,
            x=self.x[cells],
            t=self.t[cells],
            mass=None if self.mass is None else self.mass[np.isin(self.times, kept)],
            labels={name: values[cells] for name, values in self.labels.items()},
            covariates={name: values[cells] for name, values in self.covariates.items()},
            **{name: values[cells] for name, values in self.by_cell.items()},
        )

    def without(self, time: float) -> Snapshots:
        """All cells but those of one time, for hold-out."""
        self.at(time)
        return self.take(self.t != time)

    @property
    def by_cell(self) -> dict[str, Array]:
        """The optional arrays with one row a cell that are there, by the name of their field."""
        every = {"velocity": self.velocity, "growth": self.growth, "lineage": self.lineage}
        every |= {"subject": self.subject, "dose": self.dose, "second_modality": self.second_modality}
        return {name: each for name, each in every.items() if each is not None}

    @cached_property
    def spec(self) -> DataSpec:
        """What a model is built from."""
        times = self.times
        return DataSpec(
            dim=self.dim,
            times=tuple(float(each) for each in times),
            center=tuple(float(each) for each in self.x.mean(axis=0)),
            scale=float(np.sqrt(self.x.var(axis=0, dtype=np.float64).mean())) or 1.0,
            interval=float((times[-1] - times[0]) / max(len(times) - 1, 1)) or 1.0,
            genes=self.space.genes,
            time_unit=self.time_unit,
            labels=tuple(self._categories()),
        )

    def _categories(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, values in self.labels.items():
            found = sorted({str(each) for each in values})
            if len(found) <= MOST_CATEGORIES:
                yield name, tuple(found)

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of everything a model can see: the cache key of all that follows."""
        digest = hashlib.sha256()
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in _LATER and (value is None or not len(value)):
                continue  # so that cells stored before there was such a field keep their fingerprint
            if isinstance(value, StateSpace):
                parts = list(value.content)
            elif isinstance(value, Mapping):
                parts = [item for name in sorted(value) for item in (name, value[name])]
            else:
                parts = [value]
            digest.update(_HASHED_AS.get(each.name, each.name).encode())
            for part in parts:
                digest.update(b"\0")
                if isinstance(part, np.ndarray):
                    digest.update(f"{part.dtype}{part.shape}".encode())
                    digest.update(
                        "\0".join(part).encode() if part.dtype == object else np.ascontiguousarray(part).tobytes()
                    )
                else:
                    digest.update(repr(part).encode())
        return digest.hexdigest()[:16]


def _tuples(value: Any) -> Any:
    """Lists as JSON has them, as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
