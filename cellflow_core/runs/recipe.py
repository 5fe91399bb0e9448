"""What a run is made from. Written once by whoever submits it, and never changed."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from typing import Any, Literal

from cellflow_core import aliases

DEVICES = ("auto", "cpu", "cuda")
MOST_SEED = 2**31 - 1
"""The greatest seed that every library takes."""
SEEDS = f"a whole number from 0 to {MOST_SEED}"


def check_seed(seed: int) -> int:
    """The seed, where a new run can be trained with it; else ValueError. Stored runs may have had others."""
    if not 0 <= seed <= MOST_SEED:
        raise ValueError(f"a seed is {SEEDS}, not {seed}")
    return seed


def versions() -> dict[str, str]:
    """Versions of what decides the weights. Reads package records only: nothing is imported."""
    found = {"python": platform.python_version()}
    for name in ("torch", "torchcfm", "torchdiffeq", "numpy", "POT"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of a run.

    settings  of the model; training: of the trainer (TrainConfig); both by name, missing ones at their default
    hold_out  a time whose cells are kept from training, in the data's own unit
    hold_out_after  a time after which nothing that was measured of followed individuals is used; None: all is
    group     what was submitted together: seeds of one model, and the copy with a time held out
    band_folds  copies without one of so many parts of the individuals each, which calibrate its bands; 0: none
    """

    model: str
    dataset: str
    fingerprint: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    hold_out: float | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    label: str = ""
    group: str = ""
    versions: Mapping[str, str] = field(default_factory=versions)
    created: str = field(default_factory=now)
    hold_out_after: float | None = None
    band_folds: int = 0

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device={self.device!r} is not one of {', '.join(DEVICES)}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed={self.seed!r} is not a whole number from 0 up")

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @cached_property
    def content(self) -> str:
        """All that decides weights and bands, but the device and the versions: runs of one content are one training."""
        kept = ("model", "dataset", "fingerprint", "settings", "training", "hold_out", "seed")
        found = {name: getattr(self, name) for name in kept}
        found |= {} if self.hold_out_after is None else {"hold_out_after": self.hold_out_after}
        found |= {"band_folds": self.band_folds} if self.band_folds else {}
        return json.dumps(found, sort_keys=True, default=dict)

    @property
    def choice(self) -> tuple[Any, ...]:
        """The model with its settings and training: what runs that differ in data, time and seed have in common."""
        return (self.model, *self.settings.items(), *self.training.items())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Read back what `as_dict` and JSON made: earlier names as today's, keys of a later version left out."""
        known = {each.name for each in dataclasses.fields(cls)}
        found = {name: value for name, value in values.items() if name in known}
        found["model"] = aliases.model(found["model"])
        found["settings"] = aliases.recipe_settings(found["model"], found.get("settings", {}))
        found["training"] = aliases.training(found.get("training", {}))
        return cls(**found)
