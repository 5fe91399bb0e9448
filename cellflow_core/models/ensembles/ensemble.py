"""An ensemble of unlike models: the mean of their velocities, and their disagreement.

Averaging models that err independently lowers the error of each (Bates & Granger, Operational Research Quarterly 1969;
for trained networks Lakshminarayanan, Pritzel & Blundell, "Deep ensembles", NeurIPS 2017, arXiv:1612.01474). Members
are of different families, so that they rest on different assumptions: straight paths, smooth paths, paths near the
cells, populations compared after simulation, densities with growth. Each is trained as it would be alone, and

    v(t, x) = mean over members of v_k(t, x)

is one field like any other. Weights are equal. Those chosen by leaving out inner times of the training cells were
farther at the judged times of one course (`benchmarks/ensemble_weights.py`), and equal ones were kept after that; that
estimated weights do worse than equal ones is common in forecasting (Smith & Wallis 2009,
doi:10.1111/j.1468-0084.2008.00541.x). Growth of a member is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasVelocity,
    HasVelocityUncertainty,
    Phase,
)

STEPS = 2000
"""Steps of a member that has none of its own: the trainer's default."""


@dataclass(frozen=True)
class Settings(Config):
    ot_cfm: bool = setting(
        True, "a member with straight paths between cells paired by optimal transport", label="OT-CFM"
    )
    mmfm: bool = setting(True, "a member with paths that are smooth through all times", label="Multi-marginal FM")
    metric_fm: bool = setting(True, "a member with paths that lie near measured cells", label="Metric FM")
    neural_ode: bool = setting(True, "a member that simulates cells and compares populations", label="Neural ODE")
    tigon: bool = setting(
        True, "a member that transports the density of cells, with growth; for up to about 20 axes", label="TIGON"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.members()) < 2:
            raise ValueError(
                f"an ensemble needs at least two members, {len(self.members())} chosen: choose more of them"
            )

    def members(self) -> tuple[str, ...]:
        """Names of the models that are chosen."""
        return tuple(each.name.replace("_", "-") for each in self.settings() if getattr(self, each.name))


class Ensemble(DynamicsModel, HasVelocity, HasVelocityUncertainty):
    title = "Ensemble of models"
    summary = "The mean velocity of models of different families; where they disagree, the answer is less certain."
    paper = "Lakshminarayanan et al., NeurIPS 2017, arXiv:1612.01474 (for networks of one kind)"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 7200}

    Config = Settings
    config: Settings

    @classmethod
    def member_names(cls, config: Any) -> tuple[str, ...]:
        return config.members()

    def phases(self) -> tuple[Phase, ...]:
        """Those of each member in turn, with the share of the steps that it would have alone."""
        return tuple(
            replace(
                phase,
                name=f"{member.title}: {phase.name}",
                step_fraction=phase.step_fraction / sum(each.step_fraction for each in member.phases()) * steps,
                training={**own, **phase.training},
            )
            for member in self.members.values()
            for steps, own in (_own_training(member),)
            for phase in member.phases()
        )

    def notes(self) -> tuple[str, ...]:
        return tuple(f"{member.title}: {note}" for member in self.members.values() for note in member.notes())

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self._velocities(t, x, context).mean(dim=0)

    def velocity_samples(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        context: Context,
        draws: int,
        rng: torch.Generator,
    ) -> Float[Tensor, "draws batch dim"]:
        """The velocity of a member each, drawn at random."""
        return self._velocities(t, x, context)[
            torch.randint(len(self.members), (draws,), generator=rng, device=rng.device)
        ]

    def _velocities(self, t: Tensor, x: Tensor, context: Context) -> Float[Tensor, "members batch dim"]:
        return torch.stack([each.velocity(t, x, context) for each in self.members.values()])


def _own_training(member: DynamicsModel) -> tuple[int, dict[str, Any]]:
    """Steps, and what else of the trainer a member has of its own."""
    own = dict(member.default_training)
    return own.pop("steps", STEPS), own
