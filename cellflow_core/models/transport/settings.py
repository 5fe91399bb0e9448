"""Settings of couplings that methods share."""

from __future__ import annotations

from dataclasses import dataclass

from cellflow_core.config import Config, setting

COST_UNIT = "multiples of the mean cost"
RELAX_HELP = "relaxed marginals of the unbalanced plan: that of the earlier cells alone (source), or both"


@dataclass(frozen=True)
class UnbalancedSettings(Config):
    """For methods whose plans are unbalanced: `GrowthPenalty` selects rho where it is 0."""

    rho: float = setting(
        0.0,
        "marginal relaxation rho (unbalanced penalty): large rho is uniform growth; 0: selected by leaving out inner "
        "times of the training cells",
        0.0,
        1e4,
        COST_UNIT,
    )
    epsilon: float = setting(0.02, "entropic regularisation epsilon of the plan", 0.005, 10.0, COST_UNIT)


@dataclass(frozen=True)
class OptionalGrowthSettings(Config):
    """For methods that offer balanced couplings and an unbalanced one: each declares its own choices of `coupling`."""

    coupling: str = setting("exact", "coupling of the cells of consecutive times")
    rho: float = setting(
        3.0,
        "unbalanced: marginal relaxation rho (unbalanced penalty); large rho is uniform growth",
        1e-3,
        1e4,
        COST_UNIT,
    )
    epsilon: float = setting(0.02, "unbalanced: entropic regularisation epsilon of the plan", 0.005, 10.0, COST_UNIT)
