"""The state of a training run between two steps, and how it is written and read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from cellflow_core.atomic_write import replacing


@dataclass(frozen=True)
class Checkpoint:
    """Everything that determines the rest of a training: a resumed run ends in the weights of an uninterrupted one.

    phase, step  the current phase and the steps done in it
    model        state dict of the model; `average`: of the moving average (EMA) of its weights
    optimizers   state dict of each update's optimiser
    rng          state of the training generator
    seconds      spent in training so far
    """

    phase: int
    step: int
    model: dict[str, Any]
    average: dict[str, Any]
    optimizers: list[dict[str, Any]]
    rng: torch.Tensor
    seconds: float


def write(path: Path, value: Any) -> None:
    """Write tensors and plain containers, whole or not at all."""
    with replacing(path) as part, part.open("wb") as file:
        torch.save(value, file)


def read(path: Path, device: str | torch.device = "cpu") -> Any:
    """What `write` wrote. Never runs code from the file; a damaged file is a ValueError."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path.name} cannot be read, it is damaged or not a weights file ({error})") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    write(path, asdict(checkpoint))


def load(path: Path, device: str | torch.device = "cpu") -> Checkpoint:
    return Checkpoint(**read(path, device))
