"""A drug that is swallowed or infused: its concentration in the blood and what it does there, in people who differ.

One compartment with first-order absorption (Bateman 1910; Gibaldi & Perrier 1982, chapter 1), doses add up:

    C(t) = sum over doses of  D ka / (V (ka - ke)) (exp(-ke (t - t_d)) - exp(-ka (t - t_d))),   ke = CL / V

or two, with infusions (`individuals/compartments.py`). Some doses may be missed.

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
from cellflow_core.data.simulators.contract import HasCounterfactuals, HasResponse, HasTrajectories, Simulator
from cellflow_core.data.simulators.individuals.compartments import Compartments, Doses, concentration
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
    missed_doses: float = setting(
        0.0, "Share of the doses that are missed, each with this probability", 0.0, 0.9, label="Missed doses"
    )
    route: Literal["oral", "intravenous"] = setting(
        "oral", "Doses are swallowed and absorbed, or go into a vein", label="Route of administration"
    )
    infusion: float = setting(1.0, "Duration of an intravenous infusion; 0: all at once", 0.0, 168.0, "hour")
    absorption: float = setting(1.0, "Absorption rate constant ka", 0.02, 20.0, "1/hour", label="Absorption rate kₐ")
    clearance: float = setting(2.0, "Clearance CL", 0.01, 100.0, "L/hour", label="Clearance CL")
    volume: float = setting(20.0, "Volume of distribution V", 1.0, 1000.0, "L", label="Volume of distribution V")
    exchange: float = setting(
        0.0,
        "Intercompartmental clearance Q into a peripheral compartment; 0: there is none",
        0.0,
        1000.0,
        "L/hour",
        label="Intercompartmental clearance Q",
    )
    peripheral_volume: float = setting(
        40.0, "Volume of the peripheral compartment", 0.1, 10_000.0, "L", label="Peripheral volume V₂"
    )
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


class Pkpd(Simulator, HasResponse, HasTrajectories, HasCounterfactuals):
    title = "Dose and response of a drug (PK/PD)"
    summary = (
        "People are given a drug in several doses and are measured again and again: its concentration rises and falls, "
        "the activity follows. What other doses would have done to each of them is known."
    )
    paper = "Bateman 1910; Dayneka, Garg & Jusko 1993, J. Pharmacokinet. Biopharm. 21:457"
    time_unit = "hour"
    axes = AXES
    dose_unit = "mg"
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """One row for each person and time: concentration and activity as measured, who it was and the doses."""
        use, study = self.settings, self._study
        measured = self._course(study.people, study.ec50, self._doses(study.dose), study.times).reshape(-1, 2)
        order = np.argsort(study.times.ravel(), kind="stable")
        dose = np.repeat(study.dose, use.n_times)[order]
        taken = self._doses(study.dose)
        person, which = np.nonzero(taken.amount)
        return Snapshots(
            (measured * study.factor)[order].astype(np.float32),
            study.times.ravel()[order],
            AffineSpace.coordinates(AXES),
            self.time_unit,
            subject=np.repeat(np.arange(use.subjects), use.n_times)[order],
            dose=dose[:, None],
            labels={GROUP: np.array([f"{each:g} mg" for each in dose])},
            doses=DoseEvents(person, *(each[person, which] for each in (taken.time, taken.amount, taken.duration))),
            treatments=("drug (mg)",),
        )

    def trajectories(self) -> Trajectories:
        """The same measurements person by person, with every dose that was taken as an event (mg)."""
        return Trajectories.from_snapshots(self.simulate())

    def dose_response(self, times: Float[Array, " times"], dose: float) -> Float[Array, "times dim"]:
        """Concentration (mg/L) and activity (%) of a person with the typical rates, who misses no dose."""
        moments = np.asarray(times, dtype=np.float64)[None]
        given = self._given
        doses = Doses(given, np.full(given.shape, float(dose)), np.full(given.shape, self._duration))
        people, ec50 = self._people(np.ones((4, 1)))
        return self._course(people, ec50, doses, moments).reshape(-1, 2)

    def counterfactual(self, dose: float) -> Float[Array, "rows dim"]:
        """True concentration and activity at every row of `simulate`, had each person been given `dose` (mg)."""
        study = self._study
        order = np.argsort(study.times.ravel(), kind="stable")
        doses = self._doses(np.full(self.settings.subjects, float(dose)))
        return self._course(study.people, study.ec50, doses, study.times).reshape(-1, 2)[order]

    def counterfactual_courses(
        self, times: Float[Array, " times"], doses: DoseEvents
    ) -> Float[Array, "subjects times variables"]:
        """True concentration (mg/L) and activity (%) of each person at these times under these doses (mg).

        A dose with a duration is infused; one without is swallowed, or goes into the vein at once, as the route says.
        """
        study, count = self._study, self.settings.subjects
        most = max(1, int(np.bincount(doses.subject, minlength=1).max())) if len(doses.time) else 1
        given = Doses(*(np.zeros((count, most)) for _ in range(3)))
        for person in range(count):
            own = doses.of(np.array([person]))
            for name in ("time", "amount", "duration"):
                getattr(given, name)[person, : len(own.time)] = getattr(own, name)
        moments = np.tile(np.asarray(times, np.float64), (count, 1))
        return self._course(study.people, study.ec50, given, moments)

    def _course(
        self, people: Compartments, ec50: Float[Array, " people"], doses: Doses, times: Float[Array, "people times"]
    ) -> Float[Array, "people times dim"]:
        level = concentration(people, doses, times, self.settings.route == "oral")
        if self.settings.effect == "direct":
            return np.stack([level, self._aim(ec50, level)], axis=2)
        at_once = max(1, int(_BLOCK / (times.max() / _GRID + 1)))
        blocks = [slice(k, k + at_once) for k in range(0, len(ec50), at_once)]
        late = [self._late(people.take(each), ec50[each], doses.take(each), times[each]) for each in blocks]
        return np.stack([level, np.concatenate(late)], axis=2)

    def _late(
        self, people: Compartments, ec50: Float[Array, " people"], doses: Doses, times: Float[Array, "people times"]
    ) -> Float[Array, "people times"]:
        """Activity that follows late (%): each step is exact while the concentration is constant; order 2."""
        steps = max(1, int(np.ceil(float(times.max()) / _GRID)))
        grid = np.linspace(0, float(times.max()), steps + 1)
        middle = np.tile((grid[1:] + grid[:-1]) / 2, (len(ec50), 1))
        aim = self._aim(ec50, concentration(people, doses, middle, self.settings.route == "oral"))
        kept = np.exp(-self.settings.turnover * grid[1])
        activity = np.full((len(ec50), steps + 1), _FULL)
        for k in range(steps):
            activity[:, k + 1] = aim[:, k] + (activity[:, k] - aim[:, k]) * kept
        return np.array([np.interp(own, grid, each) for own, each in zip(times, activity, strict=True)])

    def _aim(self, ec50: Float[Array, " people"], level: Float[Array, "people times"]) -> Float[Array, "people times"]:
        """The activity that a concentration leads to in the end (%)."""
        power, half = level**self.settings.hill, ec50[:, None] ** self.settings.hill
        return _FULL * (1 - self.settings.emax * power / (half + power))

    @property
    def _given(self) -> Float[Array, "one doses"]:
        """When doses are due (hour)."""
        return (self.settings.dosing_interval * np.arange(self.settings.n_doses))[None]

    @property
    def _duration(self) -> float:
        return self.settings.infusion if self.settings.route == "intravenous" else 0.0

    def _doses(self, dose: Float[Array, " people"]) -> Doses:
        """`dose` of each person at all times when one is due, but for those that the person missed."""
        use = self.settings
        drawn = np.random.default_rng((use.seed, 1)).random((use.subjects, use.n_doses))
        amount = np.where(drawn < use.missed_doses, 0.0, dose[:, None])
        time = np.tile(self._given, (use.subjects, 1))
        return Doses(time, amount, np.full(time.shape, self._duration))

    def _people(self, differ: Float[Array, "4 people"]) -> tuple[Compartments, Float[Array, " people"]]:
        """(rates, EC50) of people who differ by these factors of ka, CL, V and EC50."""
        use, same = self.settings, np.ones(differ.shape[1])
        ka, clearance, volume = use.absorption * differ[0], use.clearance * differ[1], use.volume * differ[2]
        return Compartments(
            ka, clearance, volume, use.exchange * same, use.peripheral_volume * same
        ), use.ec50 * differ[3]

    @cached_property
    def _study(self) -> _Study:
        use = self.settings
        rng = np.random.default_rng(use.seed)
        people, ec50 = self._people(np.exp(use.between_subject_sd * rng.standard_normal((4, use.subjects))))
        levels = np.linspace(use.lowest_dose, use.highest_dose, use.n_groups)
        times = np.tile(np.linspace(0, use.last_time, use.n_times), (use.subjects, 1))
        if use.times == "irregular":
            half_gap = times[0, 1] / 2
            moved = times[:, 1:] + rng.uniform(-half_gap, half_gap, times[:, 1:].shape)
            times[:, 1:] = np.sort((moved / _IRREGULAR).round() * _IRREGULAR, axis=1).clip(_IRREGULAR, use.last_time)
        factor = np.exp(use.residual_error * rng.standard_normal((use.subjects * use.n_times, 2)))
        return _Study(people, ec50, levels[np.arange(use.subjects) % use.n_groups], times, factor)


@dataclass(frozen=True)
class _Study:
    """The people, the dose of each (mg), when each is measured (hour), and the factor of the measurement error."""

    people: Compartments
    ec50: Float[Array, " people"]
    dose: Float[Array, " people"]
    times: Float[Array, "people times"]
    factor: Float[Array, "rows 2"]
