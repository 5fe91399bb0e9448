"""Hearts that beat: pressures and volume of the left ventricle over a beat, from seven parameters of each heart.

A time-varying elastance (Suga & Sagawa, Circ. Res. 35:117, 1974, doi:10.1161/01.RES.35.1.117) that empties into a
windkessel (Westerhof, Lankhaar & Westerhof, Med. Biol. Eng. Comput. 47:131, 2009, doi:10.1007/s11517-008-0359-2), with
volume V (mL), pressures (mmHg), flows (mL/s) and valves that open one way:

    P = (Ed + (Es - Ed) e(t)) (V - V0),    V' = max(Pf - P, 0) / Rm - max(P - Pa, 0) / Z
    C Pa' = max(P - Pa, 0) / Z - Pa / R

e(t) rises as (1 - cos(pi t / T)) / 2 to its peak at T, and falls in half of that time to 0. Traces are those of a beat
after many others, when one is as the next. It stands in for whole-heart models with electrophysiology and mechanics,
whose emulation by latent neural ODEs Salvador et al. describe (npj Digit. Med. 7:90, 2024,
doi:10.1038/s41746-024-01084-x).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasTrajectories, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray

PARAMETERS = {
    "end-systolic elastance (mmHg/mL)": 2.5,
    "end-diastolic elastance (mmHg/mL)": 0.07,
    "time to peak elastance (s)": 0.3,
    "peripheral resistance (mmHg s/mL)": 1.1,
    "arterial compliance (mL/mmHg)": 1.3,
    "characteristic impedance (mmHg s/mL)": 0.05,
    "filling pressure (mmHg)": 9.0,
}
"""What differs between hearts, in the order Es, Ed, T, R, C, Z, Pf, and its usual value."""
_UNSTRESSED, _MITRAL = 5.0, 0.02  # V0 (mL), Rm (mmHg s/mL)
_RELAXATION = 1.5  # end of the contraction, in multiples of the time to the peak
_START = (120.0, 80.0)  # volume (mL) and aortic pressure (mmHg) before the first beat
_BEATS, _STEP = 15, 0.004  # beats before the one that is measured; longest step of the integration (s)


@dataclass(frozen=True)
class Settings(Config):
    """Hearts and their measurement."""

    subjects: int = setting(150, "Number of hearts", 2, 5_000, label="Hearts")
    between_subject_range: float = setting(
        0.3,
        "How much hearts differ: each parameter is uniform within this fraction of its usual value",
        0.0,
        0.5,
        label="Range of the parameters",
    )
    noise: float = setting(
        0.0,
        "Standard deviation of the measurement error, as a fraction of that of the variable",
        0.0,
        1.0,
        label="Measurement noise",
    )
    n_times: int = setting(41, "Number of time points in a beat, equally spaced", 2, 400)
    last_time: float = setting(0.8, "Length of a beat", 0.5, 1.5, "s", label="Length of a beat")
    seed: int = setting(0, "Random seed", 0)


class Heart(Simulator, HasTrajectories):
    title = "Pressure and volume of a beating heart"
    summary = (
        "Hearts with different elastance, vessels and filling: pressures and volume over a beat follow from seven "
        "parameters of each, which a model has to learn, or to find back from a measured trace."
    )
    paper = "Suga & Sagawa 1974, doi:10.1161/01.RES.35.1.117; Westerhof et al. 2009, doi:10.1007/s11517-008-0359-2"
    time_unit = "s"
    axes = ("ventricular pressure (mmHg)", "ventricular volume (mL)", "aortic pressure (mmHg)")
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """One row for each heart and time of the beat; the parameters of the heart are its covariates."""
        return self.trajectories().to_snapshots()

    def trajectories(self) -> Trajectories:
        """The same heart by heart."""
        use, rng = self.settings, np.random.default_rng([self.settings.seed, 1])
        times = np.linspace(0, use.last_time, use.n_times)
        traces = self.traces(self.parameters, times).reshape(-1, len(self.axes))
        traces = traces + use.noise * traces.std(axis=0) * rng.standard_normal(traces.shape)
        return Trajectories(
            np.repeat(np.arange(use.subjects), use.n_times),
            np.tile(times, use.subjects),
            traces,
            np.ones(traces.shape, bool),
            self.axes,
            self.time_unit,
            covariates=dict(zip(PARAMETERS, self.parameters.T, strict=True)),
        )

    @cached_property
    def parameters(self) -> Float[Array, "hearts parameters"]:
        """Of each heart, in the order of `PARAMETERS`."""
        usual, rng = np.array(list(PARAMETERS.values())), np.random.default_rng([self.settings.seed, 0])
        part = rng.uniform(-1, 1, (self.settings.subjects, len(usual)))
        return usual * (1 + self.settings.between_subject_range * part)

    def traces(
        self, parameters: Float[Array, "hearts parameters"], times: Float[Array, " times"]
    ) -> Float[Array, "hearts times variables"]:
        """Pressures and volume of hearts with these parameters, in the order of `PARAMETERS`, without error.

        Raises ValueError for a time outside the beat, from 0 to its length.
        """
        beat, times = self.settings.last_time, np.asarray(times, dtype=np.float64)
        if times.min() < 0 or times.max() > beat:
            raise ValueError(f"a beat takes {beat:g} s: ask for times from 0 to {beat:g}")
        steps = int(np.ceil(beat / _STEP))
        grid, h = np.linspace(0, beat, steps + 1), beat / steps
        stiffness = elastance(parameters, np.linspace(0, beat, 2 * steps + 1))
        state = np.repeat(np.array(_START)[:, None], len(parameters), axis=1)
        path = np.empty((steps + 1, *state.shape))
        for _ in range(_BEATS + 1):
            path[0] = state
            for k in range(steps):
                a = _change(parameters, stiffness[2 * k], state)
                b = _change(parameters, stiffness[2 * k + 1], state + h / 2 * a)
                c = _change(parameters, stiffness[2 * k + 1], state + h / 2 * b)
                d = _change(parameters, stiffness[2 * k + 2], state + h * c)
                path[k + 1] = state = state + h / 6 * (a + 2 * b + 2 * c + d)
        volume, aortic = (np.stack([np.interp(times, grid, each) for each in rows]) for rows in path.transpose(1, 2, 0))
        return np.stack([elastance(parameters, times).T * (volume - _UNSTRESSED), volume, aortic], axis=2)


def elastance(parameters: Float[Array, "hearts parameters"], t: Float[Array, " times"]) -> Float[Array, "times hearts"]:
    """What multiplies V - V0 in P above (mmHg/mL) at times of the beat (s)."""
    systolic, diastolic, peak = parameters[:, :3].T
    phase = t[:, None] / peak
    rising = (1 - np.cos(np.pi * np.minimum(phase, 1.0))) / 2
    falling = (1 + np.cos(np.pi * np.clip((phase - 1) / (_RELAXATION - 1), 0.0, 1.0))) / 2
    return diastolic + (systolic - diastolic) * rising * falling


def _change(
    parameters: Float[Array, "hearts parameters"], stiffness: Float[Array, " hearts"], state: Float[Array, "2 hearts"]
) -> Float[Array, "2 hearts"]:
    """Derivatives of volume (mL/s) and aortic pressure (mmHg/s)."""
    volume, aortic = state
    resistance, compliance, impedance, filling = parameters.T[3:]
    pressure = stiffness * (volume - _UNSTRESSED)
    filled, ejected = np.maximum(filling - pressure, 0) / _MITRAL, np.maximum(pressure - aortic, 0) / impedance
    return np.stack([filled - ejected, (ejected - aortic / resistance) / compliance])
