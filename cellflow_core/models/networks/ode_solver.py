"""The integrator that training uses for neural ODEs: fixed steps, or torchdiffeq's adaptive ones, and a count of calls.

Chen et al., "Neural ordinary differential equations", NeurIPS 2018, arXiv:1806.07366. Gradients go through the steps
of the solver (no adjoint equation, nothing is computed twice).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchdiffeq import odeint

from cellflow_core.math.integrate import STAGES, CellRates, Method, State, per_cell, solve
from cellflow_core.models.networks.later_buffers import register_later_buffer

MAX_STEPS = 500
"""Steps of the adaptive solver over one interval after which it is given up."""


class ODESolver(nn.Module):
    """A solver and its number of calls of the field, which is kept with the weights of the model that holds it.

    method     fixed steps by one of `integrate.STAGES`, or "dopri5": steps by the tolerance
    steps      of fixed size, over one interval
    tolerance  dopri5: largest error of a step, in standard deviations (pooled) and the like, see `integrate`
    """

    n_evaluations: Tensor
    method: Method | Literal["dopri5"]

    def __init__(self, method: Method | Literal["dopri5"], steps: int, tolerance: float = 1e-3) -> None:
        super().__init__()
        self.method, self.steps, self.tolerance = method, steps, tolerance
        register_later_buffer(self, "n_evaluations", torch.zeros((), dtype=torch.int64))

    def integrate(
        self,
        rates: CellRates,
        start: State,
        t0: Float[Tensor, " cells"],
        t1: Float[Tensor, " cells"],
        sizes: Sequence[float] | None = None,
    ) -> State:
        """The state of each cell at its t1, differentiable.

        sizes  what is a large number for each part of the state, by which errors are measured; None: 1 for each

        Raises FloatingPointError where the adaptive solver finds no step that is short enough.
        """
        field = per_cell(self.count_evaluations(rates), t0, t1)
        if self.method != "dopri5":
            *_, end = solve(field, start, [k / self.steps for k in range(self.steps + 1)], self.method)
            return end
        span = torch.tensor([0.0, 1.0], device=t0.device)
        bound: dict[str, Any] = {
            "rtol": 0.0,
            "atol": tuple(self.tolerance * each for each in sizes or [1.0] * len(start)),
        }
        try:
            found = odeint(field, start, span, method="dopri5", options={"max_num_steps": MAX_STEPS}, **bound)
        except AssertionError as error:  # torchdiffeq says so where steps vanish or never end
            raise FloatingPointError(
                f"dopri5 finds no steps that keep an error of {self.tolerance:g} ({error}): "
                "take a larger tolerance, a smaller learning rate, or a solver with steps of fixed size"
            ) from error
        return tuple(each[-1] for each in found)

    def count_evaluations(self, rates: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose calls are counted: also for a loss that takes its steps without `integrate`."""

        def counting(*arguments: Any) -> Any:
            self.n_evaluations += 1
            return rates(*arguments)

        return counting

    def notes(self) -> tuple[str, ...]:
        """A sentence on the work of training; none before it."""
        if not self.n_evaluations:
            return ()
        fixed = f"in {self.steps} step{'s' if self.steps > 1 else ''}"
        how = fixed if self.method in STAGES else f"to a tolerance of {self.tolerance:g}"
        return (f"Training called the field {int(self.n_evaluations):,} times (solver {self.method} {how}).",)
