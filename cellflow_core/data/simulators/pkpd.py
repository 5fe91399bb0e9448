"""A drug that is swallowed: its concentration in the blood and what it does there, in people who differ.

One compartment with first-order absorption (Bateman 1910; Gibaldi & Perrier 1982, chapter 1), doses add up:

    C(t) = sum over doses of  D ka / (V (ka - ke)) (exp(-ke (t - t_d)) - exp(-ka (t - t_d))),   ke = CL / V

Activity R, in percent of that without the drug, follows the concentration at once,

    R = 100 (1 - emax C^hill / (ec50^hill + C^hill)),

or late, where the drug inhibits the making of R (Dayneka, Garg & Jusko 1993, model I; warfarin is the classic):

    dR/dt = turnover (100 (1 - emax C^hill / (ec50^hill + C^hill)) - R)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.simulators.contract import HasResponse, HasTrajectories, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray

AXES = ("concentration (mg/L)", "activity (%)")
GROUP = "dose group"
_FULL = 100.0  # activity without the drug, %
_GRID = 0.01  # hour; the late effect is integrated on it
_BLOCK = 2_000_000  # people x steps that are integrated at once
_IRREGULAR = 0.25  # hour; irregular times are noted by the quarter


@dataclass(frozen=True)
class Settings(Config):
    """Doses, people and the drug; the typical person has the rates given here."""

    lowest_dose: float = setting(50.0, "Dose of the first dose group", 0.1, 10_000.0, "mg")
    highest_dose: float = setting(200.0, "Dose of the last dose group", 0.1, 10_000.0, "mg")
    n_groups: int = setting(3, "Number of dose groups, equally spaced", 1, 10, label="Number of dose groups")
    n_doses: int = setting(1, "Number of doses", 1, 50, label="Number of doses")
    dosing_interval: float = setting(12.0, "Dosing interval", 0.5, 168.0, "hour")
    absorption: float = setting(1.0, "Absorption rate constant ka", 0.02, 20.0, "1/hour", label="Absorption rate kₐ")
    clearance: float = setting(2.0, "Clearance CL", 0.01, 100.0, "L/hour", label="Clearance CL")
    volume: float = setting(20.0, "Volume of distribution V", 1.0, 1000.0, "L", label="Volume of distribution V")
    effect: Literal["indirect", "direct"] = setting(
        "indirect", "Direct response to the concentration, or indirect response (turnover model)", label="Drug response"
    )
    ec50: float = setting(
        1.5,
        "Concentration of half-maximal effect, EC50",
        0.001,
        1000.0,
        "mg/L",
        label="Half-maximal concentration EC₅₀",
    )
    emax: float = setting(
        0.9, "Maximal effect Emax, as a fraction of the baseline", 0.0, 1.0, label="Maximal effect Eₘₐₓ"
    )
    hill: float = setting(1.0, "Hill coefficient of the concentration-effect curve", 0.5, 6.0)
    turnover: float = setting(
        0.15, "Turnover rate kout of the indirect response", 0.005, 10.0, "1/hour", label="Turnover rate kₒᵤₜ"
    )
    between_subject_sd: float = setting(
        0.3,
        "Between-subject variability: standard deviation of the logarithm of each parameter",
        0.0,
        1.0,
        label="Between-subject variability ω",
    )
    residual_error: float = setting(0.05, "Proportional residual error", 0.0, 0.5, label="Proportional residual error")
    subjects: int = setting(60, "Number of subjects", 2, 2_000, label="Number of subjects")
    n_times: int = setting(9, "Number of observations per subject", 2, 100)
    last_time: float = setting(48.0, "Last time point", 1.0, 500.0, "hour")
    times: Literal["common", "irregular"] = setting(
        "common", "Common sampling times, or irregular ones for each subject", label="Sampling times"
    )
    seed: int = setting(0, "Random seed", 0)


@dataclass(frozen=True)
class SubjectParameters:
    """Rates of each person, [people], in the units of the settings."""

    absorption: Float[Array, " people"]
    clearance: Float[Array, " people"]
    volume: Float[Array, " people"]
    ec50: Float[Array, " people"]

    def take(self, some: slice) -> SubjectParameters:
        return SubjectParameters(self.absorption[some], self.clearance[some], self.volume[some], self.ec50[some])


def concentration(
    people: SubjectParameters,
    dose: Float[Array, " people"],
    times: Float[Array, "people times"],
    given: Float[Array, " doses"],
) -> Float[Array, "people times"]:
    """Closed form above (mg/L) of each person at own times (hour), with `dose` (mg) at each of the times `given`."""
    ka, ke = people.absorption[:, None], (people.clearance / people.volume)[:, None]
    gap = np.where(np.abs(ka - ke) < 1e-9, 1e-9, ka - ke)
    total = np.zeros(times.shape)
    for moment in given:
        since = np.clip(times - moment, 0, None)
        total += -np.exp(-ke * since) * np.expm1(-gap * since) / gap
    return dose[:, None] * ka / people.volume[:, None] * total


class Pkpd(Simulator, HasResponse, HasTrajectories):
    title = "Dose and response of a drug (PK/PD)"
    summary = (
        "People swallow a drug in several doses and are measured again and again: its concentration rises and falls, "
        "the activity follows. What another dose would have done to each of them is known."
    )
    paper = "Bateman 1910; Dayneka, Garg & Jusko 1993, J. Pharmacokinet. Biopharm. 21:457"
    time_unit = "hour"
    axes = AXES
    dose_unit = "mg"
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """One row for each person and time: concentration and activity as measured, who it was and the dose."""
        use, (_, dose, times, factor) = self.settings, self._study
        measured = self._states(dose) * factor
        order = np.argsort(times.ravel(), kind="stable")
        return Snapshots(
            measured[order].astype(np.float32),
            times.ravel()[order],
            AffineSpace.coordinates(AXES),
            self.time_unit,
            subject=np.repeat(np.arange(use.subjects), use.n_times)[order],
            dose=np.repeat(dose, use.n_times)[order, None],
            labels={GROUP: np.array([f"{each:g} mg" for each in np.repeat(dose, use.n_times)[order]])},
            doses=DoseEvents(
                np.repeat(np.arange(use.subjects), use.n_doses),
                np.tile(self._given, use.subjects),
                np.repeat(dose, use.n_doses),
            ),
            treatments=("drug (mg)",),
        )

    def trajectories(self) -> Trajectories:
        """The same measurements person by person, with every dose as an event (mg)."""
        return Trajectories.from_snapshots(self.simulate())

    def dose_response(self, times: Float[Array, " times"], dose: float) -> Float[Array, "times dim"]:
        """Concentration (mg/L) and activity (%) of a person with the typical rates."""
        use = self.settings
        typical = SubjectParameters(
            *(np.array([each]) for each in (use.absorption, use.clearance, use.volume, use.ec50))
        )
        moments = np.asarray(times, dtype=np.float64)[None]
        return self._course(typical, np.array([float(dose)]), moments).reshape(-1, 2)

    def counterfactual(self, dose: float) -> Float[Array, "rows dim"]:
        """True concentration and activity at every row of `simulate`, had each person been given `dose` (mg)."""
        order = np.argsort(self._study[2].ravel(), kind="stable")
        return self._states(np.full(self.settings.subjects, float(dose)))[order]

    def _states(self, dose: Float[Array, " people"]) -> Float[Array, "rows dim"]:
        """True states of the people of the study, person by person."""
        people, _, times, _ = self._study
        return self._course(people, dose, times).reshape(-1, 2)

    def _course(
        self, people: SubjectParameters, dose: Float[Array, " people"], times: Float[Array, "people times"]
    ) -> Float[Array, "people times dim"]:
        use = self.settings
        level = concentration(people, dose, times, self._given)
        if use.effect == "direct":
            return np.stack([level, self._aim(people, level)], axis=2)
        at_once = max(1, int(_BLOCK / (times.max() / _GRID + 1)))
        blocks = [slice(k, k + at_once) for k in range(0, len(dose), at_once)]
        late = [self._late(people.take(each), dose[each], times[each]) for each in blocks]
        return np.stack([level, np.concatenate(late)], axis=2)

    def _late(
        self, people: SubjectParameters, dose: Float[Array, " people"], times: Float[Array, "people times"]
    ) -> Float[Array, "people times"]:
        """Activity that follows late (%): each step is exact while the concentration is constant; order 2."""
        steps = max(1, int(np.ceil(float(times.max()) / _GRID)))
        grid = np.linspace(0, float(times.max()), steps + 1)
        middle = np.tile((grid[1:] + grid[:-1]) / 2, (len(dose), 1))
        aim = self._aim(people, concentration(people, dose, middle, self._given))
        kept = np.exp(-self.settings.turnover * grid[1])
        activity = np.full((len(dose), steps + 1), _FULL)
        for k in range(steps):
            activity[:, k + 1] = aim[:, k] + (activity[:, k] - aim[:, k]) * kept
        return np.array([np.interp(own, grid, each) for own, each in zip(times, activity, strict=True)])

    @property
    def _given(self) -> Float[Array, " doses"]:
        """When the dose is swallowed (hour)."""
        return self.settings.dosing_interval * np.arange(self.settings.n_doses)

    def _aim(self, people: SubjectParameters, level: Float[Array, "people times"]) -> Float[Array, "people times"]:
        """The activity that a concentration leads to in the end (%)."""
        power, half = level**self.settings.hill, people.ec50[:, None] ** self.settings.hill
        return _FULL * (1 - self.settings.emax * power / (half + power))

    @cached_property
    def _study(self) -> tuple[SubjectParameters, Array, Array, Array]:
        """(people, dose [people], times [people, times], factor of the measurement error [rows, 2])."""
        use = self.settings
        rng = np.random.default_rng(use.seed)
        differ = np.exp(use.between_subject_sd * rng.standard_normal((4, use.subjects)))
        people = SubjectParameters(
            use.absorption * differ[0], use.clearance * differ[1], use.volume * differ[2], use.ec50 * differ[3]
        )
        levels = np.linspace(use.lowest_dose, use.highest_dose, use.n_groups)
        times = np.tile(np.linspace(0, use.last_time, use.n_times), (use.subjects, 1))
        if use.times == "irregular":
            half_gap = times[0, 1] / 2
            moved = times[:, 1:] + rng.uniform(-half_gap, half_gap, times[:, 1:].shape)
            times[:, 1:] = np.sort((moved / _IRREGULAR).round() * _IRREGULAR, axis=1).clip(_IRREGULAR, use.last_time)
        factor = np.exp(use.residual_error * rng.standard_normal((use.subjects * use.n_times, 2)))
        return people, levels[np.arange(use.subjects) % use.n_groups], times, factor
