"""A viral disease, the immune response to it and dexamethasone: few states behind many measurements with gaps.

Qian et al., "Integrating expert ODEs into neural ODEs: pharmacology and disease progression", NeurIPS 2021,
arXiv:2106.02875, section 6.1. The equations of the experts (`math/immune_response.py`) move five states y; further
states follow them by a rule that no expert knows, and each observable is a sum of a few states:

    m' = tanh(A' z),    z = (disease, response, immunity, lung, m),    x = W z + w + noise

The entries of A are N(0, 1) / dim(z), half of them 0; those of W and w N(0, 1), where on average three states
contribute to an observable. All states begin near 0 (exponential, mean 0.01) but that in plasma, which is 0 until the
one dose of each patient, at a random whole day. Observables are standardised, and half of the values are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasCounterfactuals, HasResponse, HasTrajectories, Simulator
from cellflow_core.data.simulators.individuals.dosed import integrate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.math.immune_response import STATES, ImmuneRates, rates_of_change

Array = np.ndarray
MEAN_START = 0.01
CONTRIBUTE = 3
"""States of which an observable is the sum, on average."""
_EXPERT = len(STATES) - 1  # states that are observed; that in plasma is not
_STEP = 0.05  # day; longest step of the integration


def _rate(default: float, meaning: str, symbol: str, unit: str = "1/day") -> float:
    return setting(default, meaning, 0.0, 10.0, unit, label=symbol)


@dataclass(frozen=True)
class Settings(Config):
    """Patients, what is measured of them, and the thirteen constants of the experts' equations."""

    subjects: int = setting(110, "Number of patients", 2, 5_000, label="Patients")
    observables: int = setting(20, "Number of observables; published with 20, 40 and 80", 1, 500)
    latent: int = setting(
        6,
        "Dimensions of the latent state, four of them the experts'; published with 6, 8 and 12",
        4,
        40,
        label="Latent dimensions",
    )
    noise: float = setting(
        0.2,
        "Standard deviation of the measurement noise, before observables are standardised",
        0.0,
        5.0,
        label="Measurement noise",
    )
    missing: float = setting(0.5, "Fraction of the values that are missing", 0.0, 0.95, label="Missing values")
    highest_dose: float = setting(10.0, "Doses are uniform between 0 and this", 0.0, 100.0, "mg")
    n_times: int = setting(15, "Number of time points, equally spaced", 2, 500)
    last_time: float = setting(14.0, "Last time point", 1.0, 60.0, "day")
    k_disprog: float = _rate(1.0, "Rate at which the disease grows", "Disease progression")
    k_react: float = _rate(1.0, "Clearance of the disease by the immune response", "Clearance, response")
    k_cure: float = _rate(1.0, "Clearance of the disease by immunity", "Clearance, immunity")
    hill_cure: float = setting(2.0, "Hill coefficient of the clearance by immunity", 0.5, 6.0)
    k_onset: float = _rate(1.0, "Onset of the immune response per disease", "Onset of the response")
    k_feedback: float = _rate(1.0, "Amplification of the response in the presence of disease", "Amplification")
    k_off: float = _rate(1.0, "Rate at which the response ends", "End of the response")
    emax: float = _rate(1.0, "Largest self-amplification of the response", "Self-amplification Eₘₐₓ")
    ec50: float = setting(
        1.0, "Response of half-maximal self-amplification", 0.01, 100.0, label="Half-maximal response EC₅₀"
    )
    hill_response: float = setting(2.0, "Hill coefficient of the self-amplification", 0.5, 6.0)
    k_immunity: float = _rate(1.0, "Rate at which the response makes immunity", "Making of immunity")
    k_dexa: float = _rate(1.0, "Suppression of the response by dexamethasone", "Suppression of the response")
    kel: float = _rate(1.0, "Elimination rate of dexamethasone", "Elimination rate kₑₗ")
    seed: int = setting(0, "Random seed", 0)

    @property
    def rates(self) -> ImmuneRates:
        return ImmuneRates(**{each.name: getattr(self, each.name) for each in fields(ImmuneRates)})


class Disease(Simulator, HasResponse, HasTrajectories, HasCounterfactuals):
    title = "Disease, immune response and dexamethasone"
    summary = (
        "Patients with a viral disease are given one dose of dexamethasone each, and many observables are followed, "
        "half of the values missing. Experts' equations explain a part of the states behind them; what another dose "
        "would have done to each patient is known."
    )
    paper = "Qian et al., NeurIPS 2021, arXiv:2106.02875; Dai et al. 2021, doi:10.1002/psp4.12574"
    time_unit = "day"
    dose_unit = "mg"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Config | None = None) -> None:
        super().__init__(settings)
        self.axes = tuple(f"observable {k + 1}" for k in range(self.settings.observables))

    def simulate(self) -> Snapshots:
        """One row for each patient and day, with the mask of what was measured and the doses as events."""
        return self.trajectories().to_snapshots()

    def trajectories(self) -> Trajectories:
        """The same patient by patient: standardised observables [rows, observables], one dose each (mg)."""
        use, (_, doses, noise, observed) = self.settings, self._study
        measured = self.counterfactual_courses(self._times, doses) + noise / self._standard[1]
        return Trajectories(
            np.repeat(np.arange(use.subjects), use.n_times),
            np.tile(self._times, use.subjects),
            measured.reshape(-1, use.observables),
            observed.reshape(-1, use.observables),
            self.axes,
            self.time_unit,
            doses,
            treatments=(f"dexamethasone ({self.dose_unit})",),
        )

    def counterfactual_courses(
        self, times: Float[Array, " times"], doses: DoseEvents
    ) -> Float[Array, "subjects times observables"]:
        """Observables without noise, standardised as the measurements are."""
        mean, sd = self._standard
        return (self._observables(self.states(times, doses)) - mean) / sd

    def states(self, times: Float[Array, " times"], doses: DoseEvents) -> Float[Array, "subjects times latent"]:
        """The latent states of each patient under these doses, the experts' first, in the order of `STATES`."""
        return self._integrated(self._study[0], times, doses)

    def dose_response(self, times: Float[Array, " times"], dose: float) -> Float[Array, "times dim"]:
        """Observables of a patient whose states begin at their mean, dosed after half of the time."""
        times, given = np.asarray(times, dtype=np.float64), self.settings.last_time / 2
        typical = np.full((1, self.settings.latent), MEAN_START)
        event = DoseEvents(np.zeros(1, np.int64), np.array([given]), np.array([float(dose)]))
        mean, sd = self._standard
        return ((self._observables(self._integrated(typical, times, event)) - mean) / sd)[0]

    def counterfactual(self, dose: float) -> Float[Array, "rows dim"]:
        """True observables at every row of `simulate`, had each patient been given `dose` (mg) on the same day."""
        doses = self._study[1]
        doses = replace(doses, amount=np.full(len(doses.time), float(dose)))
        return self.counterfactual_courses(self._times, doses).reshape(-1, self.settings.observables)

    @property
    def _times(self) -> Float[Array, " times"]:
        return np.linspace(0, self.settings.last_time, self.settings.n_times)

    def _integrated(
        self, start: Float[Array, "subjects latent"], times: Float[Array, " times"], doses: DoseEvents
    ) -> Float[Array, "subjects times latent"]:
        (coupling, _, _), k = self._system, self.settings.rates

        def rates(state: Float[Array, "subjects all"]) -> Float[Array, "subjects all"]:
            z, plasma = state[:, :-1], state[:, -1]
            disease, response, immunity, lung = (np.maximum(z[:, each], 0.0) for each in range(_EXPERT))
            *expert, cleared = rates_of_change((disease, response, immunity, lung, plasma), k)
            return np.column_stack([*expert, np.tanh(z @ coupling), cleared])

        begin = np.column_stack([start, np.zeros(len(start))])
        moved = integrate(rates, begin, np.asarray(times, float), doses, np.arange(len(start)), -1, _STEP)
        return moved[..., :-1]

    def _observables(self, states: Float[Array, "subjects times latent"]) -> Array:
        _, weights, offset = self._system
        return states @ weights.T + offset

    @cached_property
    def _system(self) -> tuple[Array, Array, Array]:
        """(A [latent, further states], W [observables, latent], w [observables]), whatever the number of patients."""
        use, rng = self.settings, np.random.default_rng([self.settings.seed, 0])
        further = use.latent - _EXPERT
        coupling = rng.standard_normal((use.latent, further)) * (rng.random((use.latent, further)) < 0.5) / use.latent
        shape = (use.observables, use.latent + 1)
        weights = rng.standard_normal(shape) * (rng.random(shape) < CONTRIBUTE / use.latent)
        return coupling, weights[:, :-1], weights[:, -1]

    @cached_property
    def _study(self) -> tuple[Array, DoseEvents, Array, Array]:
        """(states at the start [subjects, latent], doses, noise and mask [subjects, times, observables])."""
        use, rng = self.settings, np.random.default_rng([self.settings.seed, 1])
        start = rng.exponential(MEAN_START, (use.subjects, use.latent))
        days = rng.integers(0, max(1, int(use.last_time)), use.subjects).astype(float)
        doses = DoseEvents(np.arange(use.subjects), days, use.highest_dose * rng.random(use.subjects))
        shape = (use.subjects, use.n_times, use.observables)
        return start, doses, use.noise * rng.standard_normal(shape), rng.random(shape) >= use.missing

    @cached_property
    def _standard(self) -> tuple[Array, Array]:
        """(mean, standard deviation) of each observable over all that could have been measured."""
        start, doses, noise, _ = self._study
        values = (self._observables(self._integrated(start, self._times, doses)) + noise).reshape(-1, noise.shape[2])
        sd = values.std(axis=0)
        return values.mean(axis=0), np.where(sd > 0, sd, 1.0)
