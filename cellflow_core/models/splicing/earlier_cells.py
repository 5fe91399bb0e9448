"""RNA of a cell a little earlier, from the measured cells that were like it then."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEAREST = 30
"""Cells of which the earlier RNA is a mean."""
OUTSIDE = 1e4
"""Penalty of the squared distance of states, in their mean square, for a time outside of the window, per time."""


class Earlier(NamedTuple):
    """What a cell started from. rna: unspliced, then spliced RNA; time: when."""

    rna: Float[Tensor, "batch axes"]
    time: Float[Tensor, " batch"]


class EarlierCells(nn.Module):
    """Mean of the cells nearest in state among those from `window[1]` to `window[0]` earlier; where fewer than NEAREST
    are, those nearest to the window. The cells are kept with the weights of a model."""

    def __init__(self, state_dim: int, axes: int, window: tuple[float, float]) -> None:
        super().__init__()
        self.window = window
        self.cells = {"states": torch.zeros(0, state_dim), "times": torch.zeros(0), "rna": torch.zeros(0, axes)}

    def __len__(self) -> int:
        return len(self.cells["times"])

    def fill(
        self, states: Float[Tensor, "cells dim"], times: Float[Tensor, " cells"], rna: Float[Tensor, "cells axes"]
    ) -> None:
        self.cells = {"states": states, "times": times, "rna": rna}

    def forward(self, states: Float[Tensor, "batch dim"], times: Float[Tensor, " batch"]) -> Earlier:
        known, then, rna = (each.to(states) for each in self.cells.values())
        gap = times[:, None] - then
        outside = (self.window[0] - gap).clamp_min(0) + (gap - self.window[1]).clamp_min(0)
        square = (known - known.mean(dim=0)).square().sum(dim=1).mean().clamp_min(1e-12)
        score = torch.cdist(states, known).square() / square + OUTSIDE * outside
        nearest = score.topk(min(NEAREST, len(self)), dim=1, largest=False).indices
        return Earlier(rna[nearest].mean(dim=1), then[nearest].mean(dim=1))

    def get_extra_state(self) -> dict[str, Tensor]:
        return self.cells

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        self.cells = dict(state)
