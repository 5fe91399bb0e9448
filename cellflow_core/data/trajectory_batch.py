"""Trajectories as tensors on a device, and their batches: whole individuals, padded and masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray


@dataclass(frozen=True)
class DoseTensors:
    """Dose events of each individual, padded with amounts of 0 at the individual's last dose.

    time  in the data's own unit, ascending; amount in the unit of the dose
    """

    time: Float[Tensor, "batch doses"]
    amount: Float[Tensor, "batch doses"]

    def take(self, rows: Any) -> DoseTensors:
        """The doses of some of the individuals, by number, mask or slice."""
        return DoseTensors(self.time[rows], self.amount[rows])

    @property
    def times(self) -> tuple[float, ...]:
        """The distinct times at which someone is given something, ascending: knots of an integration."""
        return tuple(sorted({float(each) for each in self.time[self.amount != 0]}))


@dataclass(frozen=True)
class TrajectoryBatch:
    """Some individuals, whole. Rows after an individual's last measurement repeat its time and are not observed.

    t         [batch, steps] ascending for each individual, in the data's own unit
    x         [batch, steps, variables]; 0 where not observed
    observed  [batch, steps, variables]; False in padding
    known     covariates and labels by name, one row an individual: "covariate NAME", "label NAME" as the number of the
              category in `spec.labels`, -1 where unknown
    rng       where a loss draws its noise from; pool: what the phase prepared from the same individuals
    """

    t: Float[Tensor, "batch steps"]
    x: Float[Tensor, "batch steps variables"]
    observed: Bool[Tensor, "batch steps variables"]
    doses: DoseTensors
    known: Mapping[str, Shaped[Tensor, "batch ..."]]
    rng: torch.Generator
    pool: Any = None


@dataclass(frozen=True)
class TrajectoryTensors:
    """All individuals, padded to the one with most measurements; fields as in `TrajectoryBatch`."""

    t: Float[Tensor, "subjects steps"]
    x: Float[Tensor, "subjects steps variables"]
    observed: Bool[Tensor, "subjects steps variables"]
    doses: DoseTensors
    spec: DataSpec
    known: Mapping[str, Shaped[Tensor, "subjects ..."]] = field(default_factory=dict)

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
        x, observed = np.zeros((*shape, data.x.shape[1])), np.zeros((*shape, data.x.shape[1]), bool)
        t[place], x[place], observed[place] = data.t, data.x, data.observed
        known = {f"covariate {name}": np.asarray(each, float) for name, each in data.covariates.items()}
        for name, found in spec.labels:
            if name in data.labels:
                number = {word: k for k, word in enumerate(found)}
                known[f"label {name}"] = np.array([number.get(str(each), -1) for each in data.labels[name]])
        return cls(
            _tensor(t, device),
            _tensor(x, device),
            torch.from_numpy(observed).to(device),
            _doses(data, device),
            spec,
            {name: _tensor(each, device) for name, each in known.items()},
        )

    def batch(self, size: int, rng: torch.Generator, pool: Any = None) -> TrajectoryBatch:
        """`size` individuals, drawn with replacement."""
        return self.take(torch.randint(len(self.t), (size,), generator=rng, device=self.t.device), rng, pool)

    def take(self, rows: Any, rng: torch.Generator, pool: Any = None) -> TrajectoryBatch:
        """These individuals, by number, mask or slice."""
        known = {name: each[rows] for name, each in self.known.items()}
        return TrajectoryBatch(self.t[rows], self.x[rows], self.observed[rows], self.doses.take(rows), known, rng, pool)


def _places(subject: Array, subjects: Array) -> tuple[Array, Array]:
    """(row of the individual, number within the individual) of each row of sorted data."""
    member = np.searchsorted(subjects, subject)
    first = np.searchsorted(member, np.arange(len(subjects)))
    return member, np.arange(len(member)) - first[member]


def _doses(data: Trajectories, device: str | torch.device) -> DoseTensors:
    events = data.doses.of(data.subjects)
    order = np.lexsort((events.time, events.subject))
    subject, time, amount = events.subject[order], events.time[order], events.amount[order]
    place = _places(subject, data.subjects)
    most = int(place[1].max()) + 1 if len(subject) else 0
    times, amounts = np.zeros((len(data.subjects), most)), np.zeros((len(data.subjects), most))
    times[place], amounts[place] = time, amount
    return DoseTensors(
        _tensor(np.maximum.accumulate(times, axis=1) if most else times, device), _tensor(amounts, device)
    )


def _tensor(values: Array, device: str | torch.device) -> Tensor:
    """Numbers as float32, whole ones as int64."""
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind)).to(device)
