"""The same individuals followed over time: irregular times, missing values, doses, and static covariates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.interpolated import interpolated
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.requirements import DataRequirement, of_times
from cellflow_core.data.snapshots import MAX_CATEGORIES, DataSpec, Snapshots, first_rows
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

ROWS = ("subject", "t", "x", "observed", "censored")
"""The fields of `Trajectories` with a value a row."""


@dataclass(frozen=True)
class Trajectories:
    """Measurements of individuals, one row for each individual and time; sorted by individual, then time.

    subject     number of the individual, [rows]
    t           when the row was measured, in the data's own unit, [rows]
    x           values, [rows, variables]; 0 where not observed
    observed    whether a value was measured, [rows, variables]
    variables   name of each variable
    doses       dose events, of any individual at any time
    treatments  name and unit of each kind of dose
    censored    whether the value is only known to be below the limit of quantification, which then stands in `x`,
                [rows, variables]; no value is where it isn't given
    covariates  what is known of an individual in numbers, each [subjects] in the order of `subjects`; NaN where unknown
    labels      the same in words
    network     what is known of which variable acts on which
    Raises ValueError where shapes do not fit, or a time or an observed value is not finite.
    """

    subject: Int[Array, " rows"]
    t: Float[Array, " rows"]
    x: Float[Array, "rows variables"]
    observed: Bool[Array, "rows variables"]
    variables: tuple[str, ...]
    time_unit: str = ""
    doses: DoseEvents = field(default_factory=DoseEvents)
    covariates: Mapping[str, Shaped[Array, " subjects"]] = field(default_factory=dict)
    labels: Mapping[str, Shaped[Array, " subjects"]] = field(default_factory=dict)
    treatments: tuple[str, ...] = ("dose",)
    censored: Bool[Array, " ..."] = field(default_factory=lambda: np.zeros(0, bool))
    network: PriorNetwork | None = None

    def __post_init__(self) -> None:
        order = np.lexsort((self.t, self.subject))
        observed = np.asarray(self.observed, bool)[order]
        x = np.where(observed, np.asarray(self.x)[order], 0).astype(np.float32)
        censored = np.asarray(self.censored, bool)[order] if self.censored.size else np.zeros_like(observed)
        sorted_rows = {"subject": np.asarray(self.subject, np.int64)[order], "t": np.asarray(self.t, float)[order]}
        for name, value in {**sorted_rows, "x": x, "observed": observed, "censored": censored & observed}.items():
            object.__setattr__(self, name, value)
        if x.ndim != 2 or x.shape[1] != len(self.variables) or not len(x):
            raise ValueError(f"values must be [rows, {len(self.variables)} variables], got shape {x.shape}")
        if not (np.isfinite(self.t).all() and np.isfinite(x).all()):
            raise ValueError("a time or an observed value is missing or infinite: leave it out with `observed`")
        for name, each in (*self.covariates.items(), *self.labels.items()):
            if len(each) != len(self.subjects):
                raise ValueError(f"{name} has {len(each)} values for {len(self.subjects)} individuals")
        if len(kinds := self.doses.treatment) and not 0 <= kinds.min() <= kinds.max() < len(self.treatments):
            raise ValueError(f"doses are of treatment {kinds.max() + 1}, and {len(self.treatments)} are named")

    @cached_property
    def subjects(self) -> Int[Array, " subjects"]:
        """The distinct individuals, ascending."""
        return np.unique(self.subject)

    @cached_property
    def times(self) -> Float[Array, " times"]:
        """The distinct times of all individuals, ascending."""
        return np.unique(self.t)

    @cached_property
    def has(self) -> frozenset[DataRequirement]:
        """The requirements that these data meet."""
        dosed = {DataRequirement.DOSE} if len(self.doses.time) else set()
        known = {DataRequirement.COVARIATES} if self.covariates else set()
        acting = self.network is not None and bool(self.network.among(self.variables).any())
        network = {DataRequirement.NETWORK} if acting else set()
        return of_times(len(self.times)) | {DataRequirement.SUBJECTS} | dosed | known | network

    @cached_property
    def spec(self) -> DataSpec:
        """What a model is built from; the interval is the mean one between measurements of one individual."""
        count = np.maximum(self.observed.sum(axis=0), 1)
        center = self.x.sum(axis=0, dtype=np.float64) / count
        square = (np.where(self.observed, self.x - center, 0.0) ** 2).sum(axis=0) / count
        gaps = np.diff(self.t)[np.diff(self.subject) == 0]
        return DataSpec(
            dim=len(self.variables),
            times=tuple(float(each) for each in self.times),
            center=tuple(float(each) for each in center),
            scale=float(np.sqrt(square.mean())) or 1.0,
            interval=float(gaps.mean()) if len(gaps) else 1.0,
            genes=self.variables,
            time_unit=self.time_unit,
            labels=tuple(self._categories()),
            covariates=tuple(sorted(self.covariates)),
            treatments=self.treatments if len(self.doses.time) else (),
        )

    def _categories(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, values in self.labels.items():
            found = sorted({str(each) for each in values})
            if len(found) <= MAX_CATEGORIES:
                yield name, tuple(found)

    def take(self, subjects: Sequence[int] | Array) -> Trajectories:
        """These individuals, whole. Raises KeyError where one is not here."""
        wanted = np.unique(np.asarray(subjects, np.int64))
        if len(absent := np.setdiff1d(wanted, self.subjects)):
            raise KeyError(f"no individual {absent[0]}; there are {len(self.subjects)}, from {self.subjects[0]}")
        return self.rows(np.isin(self.subject, wanted))

    def rows(self, kept: Bool[Array, " rows"]) -> Trajectories:
        """Some of the measurements, with all doses of the individuals that still have one. ValueError for none."""
        people = np.isin(self.subjects, self.subject[kept])
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in ROWS},
            doses=self.doses.of(self.subjects[people]),
            covariates={name: values[people] for name, values in self.covariates.items()},
            labels={name: values[people] for name, values in self.labels.items()},
        )

    @classmethod
    def from_snapshots(cls, data: Snapshots) -> Trajectories:
        """Snapshots whose cells are measurements of individuals (the channel "subject"), seen as trajectories.

        Annotations that are the same in all rows of each individual become static covariates and labels; the others
        are left out, as are names of the individuals and what only repeats the dose events. Data stored before doses
        were events have a channel "dose" at most: the amount in its first column is then given at the first row.
        Raises ValueError where the snapshots have no subjects or no times.
        """
        subject = data.subject
        if subject is None or not len(data.t):
            raise ValueError(
                f"trajectories need {DataRequirement.SUBJECTS} at known times, which these data do not have"
            )
        subjects, start = first_rows(subject, data.t)

        def static(values: Mapping[str, Array]) -> dict[str, Array]:
            return {name: np.asarray(values[name])[start] for name in data.static(values)}

        labels = static(data.labels)
        names = [name for name, each in labels.items() if len(np.unique(each)) == len(subjects) > 2]

        doses = data.doses
        if doses is None and data.dose is not None:
            doses = DoseEvents(subjects, data.t[start].astype(float), np.asarray(data.dose, float)[start, 0])
        return cls(
            subject,
            data.t,
            data.x,
            np.ones(data.x.shape, bool) if data.observed is None else data.observed,
            data.space.axes,
            data.time_unit,
            doses or DoseEvents(),
            static(data.covariates),
            {name: each for name, each in labels.items() if name not in names},
            data.treatments,
            np.zeros(0, bool) if data.censored is None else data.censored,
            data.network,
        )

    def to_snapshots(self) -> Snapshots:
        """One cell for each row, as data sets are stored: what was not observed is interpolated, and told by a mask.

        Raises ValueError where a variable was measured in no one.
        """
        member = np.searchsorted(self.subjects, self.subject)
        return Snapshots(
            interpolated(self.subject, self.t, self.x, self.observed),
            self.t,
            AffineSpace.coordinates(self.variables),
            self.time_unit,
            subject=self.subject,
            observed=None if self.observed.all() else self.observed,
            censored=self.censored if self.censored.any() else None,
            covariates={name: np.asarray(each)[member] for name, each in self.covariates.items()},
            labels={name: np.asarray(each)[member] for name, each in self.labels.items()},
            doses=self.doses if len(self.doses.time) else None,
            treatments=self.treatments,
            network=self.network,
        )

    def save(self, path: Path) -> None:
        """Write to one `.npz` of plain arrays, no pickles."""
        held: dict[str, Any] = {each: getattr(self, each) for each in ROWS}
        held |= self.doses.arrays
        held |= {f"covariate_{k}": np.asarray(each, float) for k, each in enumerate(self.covariates.values())}
        held |= {f"label_{k}": np.asarray(each, np.str_) for k, each in enumerate(self.labels.values())}
        held |= self.network.arrays if self.network else {}
        plain = {"variables": self.variables, "time_unit": self.time_unit}
        plain |= {"covariates": list(self.covariates), "labels": list(self.labels), "treatments": self.treatments}
        np.savez(path, plain=np.array(json.dumps(plain)), **held)

    @classmethod
    def load(cls, path: Path) -> Trajectories:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            held = {name: stored[name] for name in stored.files}
        plain: Mapping[str, Any] = json.loads(str(held["plain"]))
        return cls(
            held["subject"],
            held["t"],
            held["x"],
            held["observed"],
            tuple(plain["variables"]),
            plain["time_unit"],
            DoseEvents.from_arrays(held) or DoseEvents(),
            {name: held[f"covariate_{k}"] for k, name in enumerate(plain["covariates"])},
            {name: held[f"label_{k}"] for k, name in enumerate(plain["labels"])},
            tuple(plain.get("treatments", ("dose",))),
            held.get("censored", np.zeros(0, bool)),
            PriorNetwork.from_arrays(held),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything a model can see."""
        digest = hashlib.sha256(repr((self.variables, self.time_unit, self.treatments)).encode())
        named = [
            item for held in (self.covariates, self.labels) for name in sorted(held) for item in (name, held[name])
        ]
        known = self.network.arrays.values() if self.network else ()
        for part in (*(getattr(self, each) for each in ROWS), *self.doses.arrays.values(), *named, *known):
            if isinstance(part, str):
                digest.update(part.encode())
            elif part.dtype.kind in "OU":
                digest.update(repr(part.tolist()).encode())
            else:
                digest.update(part.tobytes())
        return digest.hexdigest()[:16]
