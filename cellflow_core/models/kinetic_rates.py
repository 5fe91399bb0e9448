"""Rates of a kinetic equation."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class KineticRates:
    """Rates of a kinetic equation, gene by gene in the order of `spec.genes`.

    names   of the rates ("transcription", "splicing", "degradation" ...); units: of each ("counts / time", "1 / time")
    values  not negative; NaN for a gene that was not fitted
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Float[Tensor, "genes rates"]
