"""What a field may depend on besides time and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float, Shaped
from torch import Tensor

from cellflow_core.data.trajectory_batch import DoseTensors


@dataclass(frozen=True)
class Context:
    """One row for each state that is asked about; empty for most models.

    covariates    name -> [batch, ...]: numbers, or the number of a category in `spec.labels`
    perturbation  target -> strength in each cell, [batch]: 0 none, 1 as in a perturbed training cell
    doses         dose events of each row; their times are knots of the integration
    log_weight    log mass that each cell has at the start, [batch]; None: 0 for all
    """

    covariates: Mapping[str, Shaped[Tensor, "batch ..."]] = field(default_factory=dict)
    perturbation: Mapping[str, Float[Tensor, " batch"]] = field(default_factory=dict)
    doses: DoseTensors | None = None
    log_weight: Float[Tensor, " batch"] | None = None

    def take(self, rows: Any) -> Context:
        """The context of some of the rows, by number, mask or slice."""
        return Context(
            {name: value[rows] for name, value in self.covariates.items()},
            {name: value[rows] for name, value in self.perturbation.items()},
            None if self.doses is None else self.doses.take(rows),
            None if self.log_weight is None else self.log_weight[rows],
        )

    @property
    def knots(self) -> tuple[float, ...]:
        """Times at which a field may jump, ascending: those of the doses."""
        return () if self.doses is None else self.doses.times
