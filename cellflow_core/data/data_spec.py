"""What a model knows of the data that it is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DataSpec:
    """All that a model is built from, so that a run reopens without its data.

    times     the distinct times, ascending, in the data's own unit; empty where no time is known
    center    mean state, [dim]
    scale     root mean square distance of one coordinate from its mean, over all axes (state)
    interval  mean interval between consecutive times (time); 1 where there are fewer than two
    labels    name and categories of each annotation with at most MAX_CATEGORIES categories
    covariates  names of what is known of followed individuals in numbers, ascending
    treatments  name and unit of each kind of dose that they are given
    positions of the times on the clock of networks (`models/clock.py`); empty: networks see measured time, as in runs
              that were trained before there were positions
    """

    dim: int
    times: tuple[float, ...]
    center: tuple[float, ...]
    scale: float
    interval: float
    genes: tuple[str, ...] = ()
    time_unit: str = ""
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    positions: tuple[float, ...] = ()
    covariates: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        """Read back what `dataclasses.asdict` and JSON made of it."""
        return cls(**{name: _tuples(value) for name, value in values.items()})


def _tuples(value: Any) -> Any:
    """Lists as JSON has them, as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
