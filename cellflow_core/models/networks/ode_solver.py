"""Cells carried from one time to another through torchdiffeq, and how often that asked for the field.

Chen et al., "Neural ordinary differential equations", NeurIPS 2018, arXiv:1806.07366. Every cell has a start and an end
of its own: with t = t0 + s (t1 - t0) all go from s = 0 to 1 together, however long their ways. Backwards where t1 < t0.
Gradients go through the steps of the solver; nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchdiffeq import odeint

State = tuple[Tensor, ...]
"""The cells x [cells, dim], and what is gathered on their ways (energy, log density ...), [cells] or [cells, sums]."""
VectorField = Callable[[Tensor, State], State]
"""(t [cells], state) -> d state / dt."""
Method = Literal["euler", "midpoint", "rk4", "dopri5"]
N_STAGES: Mapping[str, int] = {"euler": 1, "midpoint": 2, "rk4": 4}
"""Calls of the field in a step of fixed size; the other solvers choose their steps by the tolerance."""
MAX_STEPS = 500
"""Steps of an adaptive solver from one time to the next after which it is given up."""


class ODESolver(nn.Module):
    """A solver and its count of calls, which is kept with the weights of the model that holds it.

    steps      of fixed size, from the start of a way to its end
    tolerance  adaptive solvers: largest error of a step, in spreads of the data and the like, see `carry`
    """

    n_evaluations: Tensor

    def __init__(self, method: Method, steps: int, tolerance: float = 1e-3) -> None:
        super().__init__()
        self.method, self.steps, self.tolerance = method, steps, tolerance
        self.register_buffer("n_evaluations", torch.zeros((), dtype=torch.int64))
        self.register_load_state_dict_pre_hook(_count_from_zero)

    def integrate(
        self,
        rates: VectorField,
        start: State,
        t0: Float[Tensor, " cells"],
        t1: Float[Tensor, " cells"],
        sizes: Sequence[float] | None = None,
    ) -> State:
        """The state of each cell at its t1, differentiable.

        sizes  what is a large number for each part of the state, by which errors are measured; None: 1 for each

        Raises FloatingPointError where an adaptive solver finds no step that is short enough.
        """
        gap = t1 - t0

        def field(s: Tensor, state: State) -> State:
            return tuple(
                each * (gap[:, None] if each.ndim == 2 else gap)
                for each in self.count_evaluations(rates)(t0 + s * gap, state)
            )

        span = torch.tensor([0.0, 1.0], device=gap.device)
        if self.method in N_STAGES:
            found = odeint(field, start, span, method=self.method, options={"step_size": 1 / self.steps})
        else:
            bound: dict[str, Any] = {
                "rtol": 0.0,
                "atol": tuple(self.tolerance * each for each in sizes or [1.0] * len(start)),
            }
            try:
                found = odeint(field, start, span, method=self.method, options={"max_num_steps": MAX_STEPS}, **bound)
            except AssertionError as error:  # so torchdiffeq tells of steps that vanish or never end
                raise FloatingPointError(
                    f"{self.method} finds no steps that keep an error of {self.tolerance:g} ({error}): "
                    "take a larger tolerance, a smaller learning rate, or a solver with steps of fixed size"
                ) from error
        return tuple(each[-1] for each in found)

    def count_evaluations(self, rates: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose calls are counted: also for what takes its steps without `carry`."""

        def counting(*arguments: Any) -> Any:
            self.n_evaluations += 1
            return rates(*arguments)

        return counting

    def notes(self) -> tuple[str, ...]:
        """A sentence that tells what training took; nothing before it."""
        if not self.n_evaluations:
            return ()
        fixed = f"in {self.steps} step{'s' if self.steps > 1 else ''}"
        how = fixed if self.method in N_STAGES else f"to a tolerance of {self.tolerance:g}"
        return (f"Training called the field {int(self.n_evaluations):,} times (solver {self.method} {how}).",)


def _count_from_zero(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Weights that were stored before evaluations were counted."""
    state.setdefault(f"{prefix}n_evaluations", torch.zeros((), dtype=torch.int64))
