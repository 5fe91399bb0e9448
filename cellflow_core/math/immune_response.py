"""An immune response to a virus, and dexamethasone that suppresses it: five equations that experts wrote down.

Dai et al., "A prototype QSP model of the immune response to SARS-CoV-2 for community development", CPT Pharmacometrics
Syst. Pharmacol. 10:18, 2021, doi:10.1002/psp4.12574, as reduced by Qian et al., NeurIPS 2021, arXiv:2106.02875:

    disease   D' = k_disprog D - k_cure D M^hill_cure - k_react D I
    response  I' = k_onset D - k_off I + k_feedback D I + emax I^hill / (ec50^hill + I^hill) - k_dexa E I
    immunity  M' = k_immunity I
    plasma    P' = -kel P                     a dose raises P
    lung      E' = kel P - kel E

The functions are written in operators alone: they take numpy arrays and tensors alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STATES = ("disease", "immune response", "immunity", "dexamethasone in the lung", "dexamethasone in plasma")
"""What the five states are, in the order of `rates_of_change`."""


@dataclass(frozen=True)
class ImmuneRates:
    """The thirteen constants, each a number or a tensor of one (1 / day, or 1 / day over what it multiplies).

    Defaults are those with which the published data were simulated.
    """

    hill_cure: Any = 2.0
    hill_response: Any = 2.0
    ec50: Any = 1.0
    emax: Any = 1.0
    k_dexa: Any = 1.0
    k_react: Any = 1.0
    k_cure: Any = 1.0
    k_disprog: Any = 1.0
    k_onset: Any = 1.0
    k_feedback: Any = 1.0
    k_off: Any = 1.0
    k_immunity: Any = 1.0
    kel: Any = 1.0


def rates_of_change(state: tuple[Any, Any, Any, Any, Any], k: ImmuneRates) -> tuple[Any, Any, Any, Any, Any]:
    """Derivatives of the five states, in the order of `STATES`; all states are 0 or above."""
    disease, response, immunity, lung, plasma = state
    power, half = response**k.hill_response, k.ec50**k.hill_response
    return (
        disease * (k.k_disprog - k.k_cure * immunity**k.hill_cure - k.k_react * response),
        k.k_onset * disease
        + response * (k.k_feedback * disease - k.k_off - k.k_dexa * lung)
        + k.emax * power / (half + power),
        k.k_immunity * response,
        k.kel * (plasma - lung),
        -k.kel * plasma,
    )
