"""What experts know of a viral disease under dexamethasone, as a part of a model: the equations of
`math/immune_response.py`, with constants as published or learnt.

States of an individual are those of `STATES`; the last one, the drug in plasma, is what a dose raises. No observation
sees it: a model puts it after all other states.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.math.immune_response import STATES, ImmuneRates, rates_of_change
from cellflow_core.time_units import days_in

EARLY = 0.01
"""A typical level of each state on the first day."""
HIGHEST = 50.0
"""Level at which a state is cut off, so that no draw of a bad start ends in infinity."""
LONGEST_STEP = 0.5
"""Of fourth order, with which the equations are solved (days)."""


class ImmuneExpert(nn.Module):
    """The right-hand side of the experts' equations.

    learnt     whether the thirteen constants are fitted, from the published ones on; otherwise they stay
    time_unit  of the data; the constants are per day

    longest_step  that follows the equations (unit of time)
    """

    states = STATES[:-1]
    log_constants: Tensor

    def __init__(self, learnt: bool, time_unit: str) -> None:
        super().__init__()
        self.days = days_in(time_unit) or 1.0
        self.longest_step = LONGEST_STEP / self.days
        constants = torch.tensor(list(asdict(ImmuneRates()).values())).log()
        if learnt:
            self.log_constants = nn.Parameter(constants)
        else:
            self.register_buffer("log_constants", constants)

    def forward(self, states: Float[Tensor, "batch 4"], plasma: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch 5"]:
        """Derivatives of the states and of the drug in plasma (1 / unit of time)."""
        known = torch.cat([states, plasma], dim=1).clamp(1e-6, HIGHEST)
        rates = rates_of_change(tuple(known.unbind(dim=1)), ImmuneRates(*self.log_constants.exp()))  # pyright: ignore[reportArgumentType]
        return self.days * torch.stack(rates, dim=1)
