"""Trajectories as tensors on a device, and their batches: whole individuals, padded and masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray


@dataclass(frozen=True)
class DoseTensors:
    """Dose events of each individual, padded with amounts of 0 at the individual's last dose.

    time  in the data's own unit, ascending; amount in the unit of the dose; duration, treatment as in `DoseEvents`
    """

    time: Float[Tensor, "batch doses"]
    amount: Float[Tensor, "batch doses"]
    duration: Float[Tensor, "batch doses"]
    treatment: Int[Tensor, "batch doses"]

    def take(self, rows: Any) -> DoseTensors:
        """The doses of some of the individuals, by number, mask or slice."""
        return DoseTensors(*(getattr(self, each.name)[rows] for each in fields(self)))

    @property
    def times(self) -> tuple[float, ...]:
        """The distinct times at which a dose of someone begins or ends, ascending: knots of an integration."""
        given = self.amount != 0
        return tuple(torch.cat([self.time[given], (self.time + self.duration)[given]]).unique().tolist())


@dataclass(frozen=True)
class TrajectoryBatch:
    """Some individuals, whole. Rows after an individual's last measurement repeat its time and are not observed.

    t         [batch, steps] ascending for each individual, in the data's own unit
    x         [batch, steps, variables]; 0 where not observed
    observed  [batch, steps, variables]; False in padding
    censored  [batch, steps, variables]; the value is below the one in `x`, the limit of quantification
    known     covariates and labels by name, one row an individual: "covariate NAME", "label NAME" as the number of the
              category in `spec.labels`, -1 where unknown
    rng       where a loss draws its noise from; pool: what the phase prepared from the same individuals
    """

    t: Float[Tensor, "batch steps"]
    x: Float[Tensor, "batch steps variables"]
    observed: Bool[Tensor, "batch steps variables"]
    censored: Bool[Tensor, "batch steps variables"]
    doses: DoseTensors
    known: Mapping[str, Shaped[Tensor, "batch ..."]]
    rng: torch.Generator
    pool: Any = None

    def until(self, time: float | Float[Tensor, " batch"]) -> TrajectoryBatch:
        """The same individuals with nothing observed after `time` (one for all, or one each); doses stay as planned.

        A forecast starts from `batch.until(time)`; before any measurement (`-inf`) only covariates and doses are known.
        """
        limit = torch.as_tensor(time, dtype=self.t.dtype, device=self.t.device).reshape(-1, 1)
        seen = self.observed & (self.t <= limit)[..., None]
        return replace(self, observed=seen, x=torch.where(seen, self.x, 0), censored=self.censored & seen)


@dataclass(frozen=True)
class TrajectoryTensors:
    """All individuals, padded to the one with most measurements; fields as in `TrajectoryBatch`.

    prior  prior network among the variables, as in `SnapshotTensors`
    """

    t: Float[Tensor, "subjects steps"]
    x: Float[Tensor, "subjects steps variables"]
    observed: Bool[Tensor, "subjects steps variables"]
    censored: Bool[Tensor, "subjects steps variables"]
    doses: DoseTensors
    spec: DataSpec
    known: Mapping[str, Shaped[Tensor, "subjects ..."]] = field(default_factory=dict)
    prior: Float[Tensor, "genes genes"] | None = None

    @classmethod
    def from_trajectories(
        cls, data: Trajectories, device: str | torch.device = "cpu", spec: DataSpec | None = None
    ) -> TrajectoryTensors:
        """`spec`, where these individuals are a part of those that a model was built from, is the model's."""
        spec = spec or data.spec
        place = _places(data.subject, data.subjects)
        shape = (len(data.subjects), int(place[1].max()) + 1)
        last = data.t[np.searchsorted(data.subject, data.subjects, side="right") - 1]
        t = np.tile(last[:, None], (1, shape[1]))
        x = np.zeros((*shape, data.x.shape[1]))
        observed, censored = np.zeros(x.shape, bool), np.zeros(x.shape, bool)
        t[place], x[place], observed[place], censored[place] = data.t, data.x, data.observed, data.censored
        known = {f"covariate {name}": np.asarray(each, float) for name, each in data.covariates.items()}
        for name, found in spec.labels:
            if name in data.labels:
                number = {word: k for k, word in enumerate(found)}
                known[f"label {name}"] = np.array([number.get(str(each), -1) for each in data.labels[name]])
        return cls(
            _tensor(t, device),
            _tensor(x, device),
            torch.from_numpy(observed).to(device),
            torch.from_numpy(censored).to(device),
            _doses(data, device),
            spec,
            {name: _tensor(each, device) for name, each in known.items()},
            None if data.network is None else _tensor(data.network.matrix(data.variables), device),
        )

    def batch(self, size: int, rng: torch.Generator, pool: Any = None) -> TrajectoryBatch:
        """`size` individuals, drawn with replacement."""
        return self.take(torch.randint(len(self.t), (size,), generator=rng, device=self.t.device), rng, pool)

    def take(self, rows: Any, rng: torch.Generator, pool: Any = None) -> TrajectoryBatch:
        """These individuals, by number, mask or slice."""
        known = {name: each[rows] for name, each in self.known.items()}
        t, x, observed, censored = (each[rows] for each in (self.t, self.x, self.observed, self.censored))
        return TrajectoryBatch(t, x, observed, censored, self.doses.take(rows), known, rng, pool)


def _places(subject: Array, subjects: Array) -> tuple[Array, Array]:
    """(row of the individual, number within the individual) of each row of sorted data."""
    member = np.searchsorted(subjects, subject)
    first = np.searchsorted(member, np.arange(len(subjects)))
    return member, np.arange(len(member)) - first[member]


def _doses(data: Trajectories, device: str | torch.device) -> DoseTensors:
    events = data.doses.of(data.subjects)
    order = np.lexsort((events.time, events.subject))
    place = _places(events.subject[order], data.subjects)
    most = int(place[1].max()) + 1 if len(order) else 0

    def padded(values: Array) -> Array:
        table = np.zeros((len(data.subjects), most), values.dtype)
        table[place] = values[order]
        return table

    time = np.full((len(data.subjects), most), -np.inf)
    time[place] = events.time[order]
    time = np.maximum.accumulate(time, axis=1) if most else time
    time[np.isneginf(time)] = 0.0  # nothing is given to this individual
    rest = (padded(np.asarray(each)) for each in (events.amount, events.duration, events.treatment))
    return DoseTensors(*(_tensor(each, device) for each in (time, *rest)))


def _tensor(values: Array, device: str | torch.device) -> Tensor:
    """Numbers as float32, whole ones as int64."""
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind)).to(device)
