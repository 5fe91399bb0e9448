"""Lung tumours under chemotherapy and radiotherapy, given to those who need them: what would another plan have done?

Geng, Paganetti & Grassberger, "Prediction of treatment response for combined chemo- and radiation therapy for non-small
cell lung cancer patients using a bio-mathematical model", Sci. Rep. 7:13542, 2017, doi:10.1038/s41598-017-13646-z. Day
by day, with volume V (cm3), concentration C of the drug (mg/m3) and radiation d (Gy),

    V(t+1) = V(t) (1 + rho log(K / V) - beta_c C(t) - (alpha d(t) + alpha / 10 d(t)^2) + e(t)),   e ~ N(0, 0.01^2)
    C(t) = C(t-1) / 2 + 5 mg/m3 where the drug is given,    d = 2 Gy where radiation is given

Confounding over time as in Lim, Alaa & van der Schaar (NeurIPS 2018) and Bica et al. (ICLR 2020, arXiv:2002.04083):
each treatment is given with probability sigmoid(gamma (D / 13 cm - 1/2)) for the mean diameter D of the last 15 days,
so that larger tumours are treated more. A patient is followed until the tumour is gone or 13 cm wide. Measurements at
irregular days as in Seedat et al. (ICML 2022, arXiv:2206.08311): a Hawkes process that is denser for larger tumours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit, ndtr, ndtri

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasCounterfactuals, HasTrajectories, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import DoseEvents, Trajectories

Array = np.ndarray

TREATMENTS = ("chemotherapy (mg/m³)", "radiotherapy (Gy)")
AMOUNTS = (5.0, 2.0)
"""Of one dose of each treatment."""
DEATH = 13.0
"""Diameter at which a patient dies (cm)."""
STAGES = {"I": (1432, 1.72, 4.70, 5.0), "II": (128, 1.96, 1.63, 13.0), "IIIA": (1306, 1.91, 9.40, 13.0)} | {
    "IIIB": (7248, 2.76, 6.87, 13.0),
    "IV": (12840, 3.86, 8.82, 13.0),
}
"""Stage -> patients of Detterbeck & Gibson 2008, and the normal law of the logarithm of the diameter (mean, standard
deviation) between 0.3 cm and the last number (cm)."""
_SMALLEST = 0.3  # cm, diameter at the start
_CAPACITY = np.pi / 6 * 30.0**3  # cm3: a tumour 30 cm wide
_CELLS = 5.8e8  # tumour cells in a cm3
_RHO, _ALPHA, _BETA_C = (7e-5, 7.23e-3), (0.0398, 0.168), (0.028, 0.0007)  # mean, standard deviation
_CORRELATION = 0.87  # of alpha and rho
_TYPE_EFFECT = 0.1  # type 1 responds more to radiation, type 3 to the drug, by this fraction of the mean
_MEMORY = 15  # days of which the mean diameter decides on treatment
_LEAST, _PROCESSES, _DECAY = 0.01, 5, 2.0  # Hawkes processes: rate of the smallest (1 / day), number, decay (1 / day)
_WIDTHS, _EXCITED = (3.0, 4.0, 5.0), np.array([0.01, 0.1, 0.5, 1.0])  # cm; excitation in each of four classes of size


@dataclass(frozen=True)
class Settings(Config):
    """Patients, how they are treated and how often they are measured."""

    subjects: int = setting(300, "Number of patients", 2, 20_000, label="Patients")
    days: int = setting(60, "Days of follow-up", 8, 365, "day", label="Days of follow-up")
    gamma: float = setting(
        4.0,
        "Confounding over time γ: how much more often larger tumours are treated; 0 means that all are alike",
        0.0,
        20.0,
        label="Confounding γ",
    )
    kappa: float = setting(
        10.0,
        "Sampling intensity κ: how much denser each class of larger tumours is measured; 0 means every day",
        0.0,
        20.0,
        label="Sampling intensity κ",
    )
    process_noise: float = setting(
        0.01, "Standard deviation of the daily relative growth", 0.0, 0.1, label="Noise of the growth"
    )
    seed: int = setting(0, "Random seed", 0)


class Patients(NamedTuple):
    """Each [patients]; volume at the start (cm3), rates of the equation above, and in words stage and type."""

    volume: Array
    rho: Array
    alpha: Array
    beta_c: Array
    stage: Array
    type: Array


class Course(NamedTuple):
    """volume [patients, days] (cm3); given [patients, days, 2] (mg/m3, Gy); followed [patients, days]: not yet over."""

    volume: Array
    given: Array
    followed: Array


def diameter(volume: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Of a ball (cm)."""
    return np.cbrt(6 / np.pi * volume)


class Tumour(Simulator, HasTrajectories, HasCounterfactuals):
    title = "Tumours under chemo- and radiotherapy"
    summary = (
        "Lung tumours grow and are treated more often the larger they are, so that treatment looks harmful. What any "
        "other sequence of treatments would have done to each patient is known."
    )
    paper = "Geng et al. 2017, doi:10.1038/s41598-017-13646-z; Bica et al., ICLR 2020, arXiv:2002.04083"
    time_unit = "day"
    axes = ("tumour volume (cm³)",)
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """One row for each patient and day with a measurement; stage and type of the patient, doses as events."""
        return self.trajectories().to_snapshots()

    def trajectories(self) -> Trajectories:
        """The same patient by patient: volumes (cm3), and every dose of either treatment as an event."""
        patients, course = self._patients, self._course()
        subject, day = np.nonzero(self._measured(course))
        who, when, kind = np.nonzero(course.given * course.followed[..., None])
        return Trajectories(
            subject,
            day.astype(float),
            course.volume[subject, day, None],
            np.ones((len(subject), 1), bool),
            self.axes,
            self.time_unit,
            DoseEvents(who, when.astype(float), course.given[who, when, kind], treatment=kind),
            labels={"stage": patients.stage, "patient type": patients.type},
            treatments=TREATMENTS,
        )

    def counterfactual_courses(
        self, times: Float[Array, " times"], doses: DoseEvents
    ) -> Float[Array, "subjects times variables"]:
        """Volumes (cm3) with the same random growth; between two days on a straight line. A dose acts from its day on.

        A volume that has reached 0 or that of death stays there. Raises ValueError for a time before day 0.
        """
        times = np.asarray(times, dtype=np.float64)
        if times.min() < 0:
            raise ValueError(f"patients are followed from day 0 on, not from {times.min():g}")
        days = max(2, int(np.ceil(times.max())) + 1)
        given = np.zeros((self.settings.subjects, days, len(TREATMENTS)))
        within = (doses.time >= 0) & (doses.time < days) & np.isin(doses.subject, np.arange(self.settings.subjects))
        np.add.at(
            given,
            (doses.subject[within], doses.time[within].astype(int), doses.treatment[within]),
            doses.amount[within],
        )
        volume = self._course(given).volume
        return np.stack([np.interp(times, np.arange(days), each) for each in volume])[..., None]

    def _course(self, given: Float[Array, "patients days 2"] | None = None) -> Course:
        """Day by day under these doses; None: those that patients are given because of their diameter."""
        patients, days = self._patients, self.settings.days if given is None else given.shape[1]
        draws = {name: np.random.default_rng([self.settings.seed, k]) for k, name in enumerate(("growth", "care"), 1)}
        volume = np.empty((len(patients.volume), days))
        applied = np.zeros((*volume.shape, len(TREATMENTS)))
        followed = np.ones(volume.shape, bool)
        volume[:, 0], drug, largest = patients.volume, np.zeros(len(volume)), np.pi / 6 * DEATH**3
        for day in range(days):
            now = volume[:, day]
            noise, chance = draws["growth"].standard_normal(len(now)), draws["growth"].random(len(now))
            applied[:, day] = self._care(volume[:, : day + 1], draws["care"]) if given is None else given[:, day]
            if day + 1 == days:
                break
            drug = drug / 2 + applied[:, day, 0]
            dose = applied[:, day, 1]
            growth = patients.rho * np.log(_CAPACITY / np.maximum(now, 1e-12)) + self.settings.process_noise * noise
            killed = patients.beta_c * drug + patients.alpha * (dose + dose**2 / 10)
            grown = np.clip(now * (1 + growth - killed), 0.0, largest)
            grown = np.where(chance < np.exp(-grown * _CELLS), 0.0, grown)
            over = (now <= 0) | (now >= largest)
            volume[:, day + 1] = np.where(over, now, grown)
            followed[:, day + 1] = ~over
        return Course(volume, applied, followed)

    def _care(self, volume: Float[Array, "patients days"], rng: np.random.Generator) -> Float[Array, "patients 2"]:
        """What patients with this history are given today."""
        mean = diameter(volume[:, -_MEMORY - 1 :]).mean(axis=1)
        probability = expit(self.settings.gamma * (mean / DEATH - 0.5))
        return (rng.random((len(mean), len(TREATMENTS))) < probability[:, None]) * np.array(AMOUNTS)

    def _measured(self, course: Course) -> Bool[Array, "patients days"]:
        """Days on which a patient is measured: the first, and those on which a process of this patient has an event."""
        if not self.settings.kappa:
            return course.followed
        rng, size = np.random.default_rng([self.settings.seed, 3]), np.digitize(diameter(course.volume), _WIDTHS)
        seen = np.zeros(course.followed.shape, bool)
        seen[:, 0] = True
        excited = np.zeros(len(size))
        for day in range(1, size.shape[1]):
            base = _PROCESSES * _LEAST * self.settings.kappa ** size[:, day]
            events = rng.poisson(np.minimum(base + excited, 1e6))
            seen[:, day] = events > 0
            excited = np.exp(-_DECAY) * (excited + _DECAY * _EXCITED[size[:, day]] * events)
        return seen & course.followed

    @cached_property
    def _patients(self) -> Patients:
        use, rng = self.settings, np.random.default_rng([self.settings.seed, 0])
        shares = np.array([each[0] for each in STAGES.values()], float)
        stage = rng.choice(list(STAGES), use.subjects, p=shares / shares.sum())
        _, mean, sd, widest = (np.array(each) for each in zip(*(STAGES[each] for each in stage), strict=True))
        low, high = (ndtr((np.log(edge) - mean) / sd) for edge in (_SMALLEST, widest))
        width = np.exp(mean + sd * ndtri(low + (high - low) * rng.random(use.subjects)))
        kind = rng.integers(1, 4, use.subjects)
        alpha, rho = _positive_pairs(use.subjects, rng)
        beta_c = np.maximum(_BETA_C[0] + _BETA_C[1] * rng.standard_normal(use.subjects), 0.0)
        return Patients(
            np.pi / 6 * width**3,
            rho,
            alpha + _TYPE_EFFECT * _ALPHA[0] * (kind == 1),
            beta_c + _TYPE_EFFECT * _BETA_C[0] * (kind == 3),
            np.array(stage.tolist()),
            np.array([f"{each}" for each in kind]),
        )


def _positive_pairs(count: int, rng: np.random.Generator) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """(alpha, rho), correlated and normal where both are above 0."""
    both = _CORRELATION * _ALPHA[1] * _RHO[1]
    covariance = np.array([[_ALPHA[1] ** 2, both], [both, _RHO[1] ** 2]])
    found = np.zeros((0, 2))
    while len(found) < count:
        drawn = rng.multivariate_normal((_ALPHA[0], _RHO[0]), covariance, 2 * count)
        found = np.concatenate([found, drawn[(drawn > 0).all(axis=1)]])
    return found[:count, 0], found[:count, 1]
