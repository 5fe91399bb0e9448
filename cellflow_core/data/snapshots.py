"""Cells measured at one or several times, or at no known time, in one state space: the input of most models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.data.channels import CHANNELS, ArrayChannel, NamedChannel, known
from cellflow_core.data.data_spec import DataSpec
from cellflow_core.data.dose_events import DoseEvents, tells_of_doses
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.requirements import DataRequirement, of_times
from cellflow_core.data.state_space import StateSpace
from cellflow_core.time_units import format_time, format_times

__all__ = ["CHANNELS", "MAX_CATEGORIES", "NO_LABEL", "DataRequirement", "DataSpec", "Snapshots"]

Array = np.ndarray
_ALWAYS_HASHED = ("x", "t", "space", "time_unit", "velocity", "mass", "lineage", "labels")
"""What the fingerprint began with, in this order and also where it is absent. Other channels follow where present."""
AXES_AT_ONCE = 200
NO_LABEL = ("", "nan", "None", "<NA>")
"""How the text of an annotation says that a cell has no value."""
MAX_CATEGORIES = 64
"""Categories of an annotation that a model may be conditioned on; a column with more is a name, not a condition."""


@dataclass(frozen=True, init=False)
class Snapshots:
    """Cells x [cells, dim] float32, each measured once, at time t [cells] in the data's own unit.

    t         [cells]; [0], an empty array, where no time is known (give None)
    mass      number of cells each distinct time stands for, [times]; only where numbers mean something
    channels  everything else that is known of the cells, by the names of the channels declared below
    network   which gene is known to act on which, by name; it may name genes that are not in the state space
    doses     dose events of the individuals of the channel "subject"; treatments: name and unit of each kind of dose
    """

    x: Float[Array, "cells dim"]
    t: Float[Array, " cells"]
    space: StateSpace
    time_unit: str
    mass: Float[Array, " times"] | None
    channels: Mapping[str, Any]
    network: PriorNetwork | None
    doses: DoseEvents | None
    treatments: tuple[str, ...]

    velocity = ArrayChannel(
        "RNA velocity in state space",
        "state / time",
        ("dim",),
        requirement=DataRequirement.VELOCITY,
        column="velocity_state",
    )
    lineage = ArrayChannel("clone, -1 where unknown", values="integer", requirement=DataRequirement.LINEAGE)
    labels = NamedChannel("categorical annotations (cell type, clone name ...)", values="text", singular="label")
    growth = ArrayChannel("prior of the net growth, birth minus death", "1 / time", requirement=DataRequirement.GROWTH)
    subject = ArrayChannel("individual the row was measured in", values="integer", requirement=DataRequirement.SUBJECTS)
    observed = ArrayChannel("whether a value was measured, or interpolated; absent if all were", "", ("dim",))
    censored = ArrayChannel("whether a value is only known to be below the limit in its place", "", ("dim",))
    dose = ArrayChannel("doses given", "as measured", ("k",), requirement=DataRequirement.DOSE)
    covariates = NamedChannel(
        "annotations in numbers (total counts, pseudotime ...), NaN where unknown", "as measured", singular="covariate"
    )
    second_modality = ArrayChannel(
        "another modality of the same cells, in axes of its own; compared with cells of the same time only",
        "as measured",
        ("k",),
        requirement=DataRequirement.MODALITY,
        column="modality",
        earlier_name="modality",
    )
    spliced = ArrayChannel(
        "spliced RNA of the genes of the space",
        "counts, or their moments",
        ("genes",),
        requirement=DataRequirement.SPLICING,
    )
    unspliced = ArrayChannel(
        "unspliced RNA of the genes of the space",
        "counts, or their moments",
        ("genes",),
        requirement=DataRequirement.SPLICING,
    )
    spliced_squared = ArrayChannel(
        "mean over neighbors of the square of the spliced RNA of the genes of the space",
        "squared counts",
        ("genes",),
        requirement=DataRequirement.SECOND_MOMENTS,
    )
    spliced_unspliced = ArrayChannel(
        "mean over neighbors of spliced times unspliced RNA of the genes of the space",
        "squared counts",
        ("genes",),
        requirement=DataRequirement.SECOND_MOMENTS,
    )
    new_rna = ArrayChannel(
        "new (labelled) RNA of the genes of the space, whose state is then log(1 + total RNA)",
        "counts, or their moments",
        ("genes",),
        requirement=DataRequirement.LABELLING,
    )
    pulse = ArrayChannel(
        "how long new RNA was labelled before the cell was measured", "time", requirement=DataRequirement.LABELLING
    )
    perturbation = NamedChannel(
        "perturbation design: for each target 1 where it was perturbed in the cell, 0 where not, or the strength",
        requirement=DataRequirement.PERTURBATION,
        singular="perturbation of",
    )

    def __init__(
        self,
        x: Float[Array, "cells dim"],
        t: Float[Array, " cells"] | None,
        space: StateSpace,
        time_unit: str = "",
        *,
        mass: Float[Array, " times"] | None = None,
        channels: Mapping[str, Any] | None = None,
        network: PriorNetwork | None = None,
        doses: DoseEvents | None = None,
        treatments: tuple[str, ...] = ("dose",),
        **given: Any,
    ) -> None:
        """`given` are channels by name, which replace those of the same name in `channels`; None takes one away.

        Raises ValueError where shapes do not fit or a value of state or time is not finite.
        """
        x = np.ascontiguousarray(x, dtype=np.float32)
        t = np.zeros(0) if t is None else np.ascontiguousarray(t, dtype=np.float64)
        found = {"x": x, "t": t, "space": space, "time_unit": time_unit, "mass": mass, "network": network}
        found |= {"doses": doses, "treatments": treatments}
        found["channels"] = known({**(channels or {}), **given})
        for name, value in found.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        x, t = self.x, self.t
        if x.ndim != 2 or not len(x):
            raise ValueError(f"cells must be a table of at least one cell, got an array of shape {x.shape}")
        if t.shape not in ((len(x),), (0,)):
            raise ValueError(f"{len(x)} cells need as many times, got an array of shape {t.shape}")
        if x.shape[1] != self.space.dim:
            raise ValueError(f"cells have {x.shape[1]} coordinates, the state space has {self.space.dim}")
        finite = np.isfinite(x).all(axis=1) & (np.isfinite(t) if len(t) else True)
        if not finite.all():
            raise ValueError(f"{(~finite).sum()} of {len(x)} cells hold a value or a time that is missing or infinite")
        for name, value in self.channels.items():
            CHANNELS[name].check(value, len(x), {"dim": self.dim, "genes": len(self.space.genes)})
        if self.mass is not None and len(self.mass) != len(self.times):
            raise ValueError(f"mass has {len(self.mass)} values for {len(self.times)} times")
        if self.doses is not None and self.subject is None:
            raise ValueError("doses were given to individuals, and the cells do not say whose they are")

    @cached_property
    def times(self) -> Float[Array, " times"]:
        """The distinct times, ascending; empty where no time is known."""
        return np.unique(self.t)

    @property
    def dim(self) -> int:
        return self.x.shape[1]

    @cached_property
    def has(self) -> frozenset[DataRequirement]:
        """The requirements that these data meet."""
        found = {
            DataRequirement.GENES: bool(self.space.genes),
            DataRequirement.GENE_AXES: self.space.kind == "genes",
            DataRequirement.MASS: self.mass is not None,
            DataRequirement.NETWORK: self.network is not None and bool(self.network.among(self.space.genes).any()),
            DataRequirement.COUNTS: self.space.has_count_model,
            DataRequirement.MOMENTS: self.space.has_splicing
            and self.spliced is not None
            and self.unspliced is not None,
        }
        for name, channel in CHANNELS.items():
            if channel.requirement is not None:
                found[channel.requirement] = found.get(channel.requirement, True) and name in self.channels
        found[DataRequirement.DOSE] |= self.doses is not None and len(self.doses.time) > 0
        found[DataRequirement.COVARIATES] = bool(self.static(self.covariates))
        return of_times(len(self.times)) | {need for need, met in found.items() if met}

    def at(self, time: float) -> Float[Array, "cells dim"]:
        """The cells of one time. Raises KeyError that lists the times there are."""
        if time not in self.times:
            listed = ", ".join(format_times(self.times)) or "no known time"
            raise KeyError(f"no cells at time {format_time(time)}; there are cells at {listed}")
        return self.x[self.t == time]

    def take(self, cells: Array) -> Snapshots:
        """These cells only, by mask or index."""
        t = self.t[cells] if len(self.t) else None
        return replace(
            self,
            x=self.x[cells],
            t=t,
            mass=None if self.mass is None else self.mass[np.isin(self.times, np.unique(self.t[cells]))],
            channels={name: CHANNELS[name].take(value, cells) for name, value in self.channels.items()},
            doses=None if self.doses is None or self.subject is None else self.doses.of(self.subject[cells]),
        )

    def without(self, time: float) -> Snapshots:
        """All cells but those of one time, for hold-out."""
        self.at(time)
        return self.take(self.t != time)

    @property
    def by_cell(self) -> dict[str, Array]:
        """The channels of one array that are there, by name."""
        return {name: value for name, value in self.channels.items() if not isinstance(value, Mapping)}

    @cached_property
    def spec(self) -> DataSpec:
        """What a model is built from."""
        times = self.times
        span = float(times[-1] - times[0]) if len(times) else 0.0
        return DataSpec(
            dim=self.dim,
            times=tuple(float(each) for each in times),
            center=tuple(float(each) for each in self.x.mean(axis=0)),
            scale=float(np.sqrt(_variance(self.x).mean())) or 1.0,
            interval=span / max(len(times) - 1, 1) or 1.0,
            genes=self.space.genes,
            time_unit=self.time_unit,
            labels=tuple(self._categories()),
            positions=tuple(float(k) for k in range(len(times))) if len(times) > 1 else (),
            covariates=tuple(sorted(self.static(self.covariates))),
            treatments=self.treatments if self.doses is not None and len(self.doses.time) else (),
        )

    def static(self, annotations: Mapping[str, Array]) -> tuple[str, ...]:
        """Which annotations are the same in all rows of each individual; those that only repeat the doses are not among
        them. None where there are no individuals, or no times."""
        if self.subject is None or not len(self.t):
            return ()
        subjects, start = first_rows(self.subject, self.t)
        member = np.searchsorted(subjects, self.subject)
        kept = {name: np.asarray(each) for name, each in annotations.items() if not tells_of_doses(name)}
        return tuple(name for name, each in kept.items() if ((each == each[start][member]) | (each != each)).all())

    def _categories(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, values in self.labels.items():
            found = sorted({str(each) for each in values})
            if len(found) <= MAX_CATEGORIES:
                yield name, tuple(found)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything a model can see: the cache key of all that follows."""
        digest = hashlib.sha256()
        later = [name for name in self.channels if name not in _ALWAYS_HASHED]
        beside = {} if self.network is None else self.network.arrays
        if self.doses is not None:
            beside |= self.doses.arrays | {"treatments": np.array(self.treatments, dtype=np.str_)}
        for name in (*_ALWAYS_HASHED, *later, *beside):
            value, channel = beside.get(name, getattr(self, name, self.channels.get(name))), CHANNELS.get(name)
            if isinstance(value, StateSpace):
                parts = list(value.content)
            else:
                parts = [value] if channel is None or value is None else channel.content(value)
            digest.update((name if channel is None else channel.hashed_as).encode())
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


def _variance(x: Float[Array, "cells dim"]) -> Float[Array, " dim"]:
    """Of each axis, with some axes in double precision at a time."""
    parts = [x[:, k : k + AXES_AT_ONCE] for k in range(0, x.shape[1], AXES_AT_ONCE)]
    return np.concatenate([each.var(axis=0, dtype=np.float64) for each in parts])


def first_rows(
    subject: Int[Array, " cells"], t: Float[Array, " cells"]
) -> tuple[Int[Array, " subjects"], Int[Array, " subjects"]]:
    """The individuals, ascending, and the earliest row of each."""
    order = np.lexsort((t, subject))
    subjects, first = np.unique(subject[order], return_index=True)
    return subjects, order[first]
