"""Points that run along a spiral, some clockwise and some anticlockwise, watched at few and irregular times.

    x(t) = r (1 + g t / T) (cos(a +- 2 pi n t / T), sin(a +- 2 pi n t / T)),   a ~ U(0, 2 pi),  r ~ U(0.5, 1.5)

The bench of models of irregular time series (Chen et al. 2018, arXiv:1806.07366, section 5.1; Kidger et al. 2020,
arXiv:2005.08926): the direction of one is not seen in where it is, only in how it moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasTrajectories, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray
DIRECTION = "direction"
CLASSES = ("clockwise", "anticlockwise")


@dataclass(frozen=True)
class Settings(Config):
    """How the spirals wind, and how many of their points are measured."""

    turns: float = setting(1.5, "Turns within the time that is watched", 0.1, 20.0)
    growth: float = setting(1.0, "Growth of the radius within that time, in units of the first radius", 0.0, 20.0)
    noise: float = setting(0.05, "Standard deviation of the measurement noise", 0.0, 2.0, label="Measurement noise")
    measured_share: float = setting(
        1.0,
        "Share of the time points at which each one is measured, drawn at random",
        0.02,
        1.0,
        label="Measured share",
    )
    subjects: int = setting(128, "Number of spirals", 2, 20_000, label="Number of spirals")
    n_times: int = setting(50, "Number of time points, equally spaced", 2, 1_000)
    last_time: float = setting(10.0, "Last time point", 0.1, 1000.0, "time unit")
    seed: int = setting(0, "Random seed", 0)


class Spirals(Simulator, HasTrajectories):
    title = "Spirals of two directions"
    summary = (
        "Points run outwards along spirals, half of them clockwise, and are seen at some of the times only. The "
        "direction of each is known: the usual bench of models that read irregular time series."
    )
    paper = "Chen et al. 2018, arXiv:1806.07366"
    time_unit = "time unit"
    axes = ("x", "y")
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """One row for each spiral and time at which it is measured, with noise; the label is its direction."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 1))
        times = np.linspace(0, use.last_time, use.n_times)
        x = self.true_courses(times)
        x = x + use.noise * rng.standard_normal(x.shape)
        at, who = np.nonzero(self._measured(rng).T)  # by time, as cells of snapshots are
        return Snapshots(
            x[who, at].astype(np.float32),
            times[at],
            AffineSpace.coordinates(self.axes),
            self.time_unit,
            subject=who,
            labels={DIRECTION: np.array(CLASSES)[self._spirals[0][who]]},
        )

    def trajectories(self) -> Trajectories:
        """The same measurements spiral by spiral, with its direction as a label."""
        return Trajectories.from_snapshots(self.simulate())

    def true_courses(self, times: Float[Array, " times"]) -> Float[Array, "subjects times 2"]:
        """Where each spiral is at these times, measured without error."""
        use, (direction, angle, radius) = self.settings, self._spirals
        part = np.asarray(times, np.float64) / use.last_time
        turned = angle[:, None] + np.where(direction == 0, -1, 1)[:, None] * 2 * np.pi * use.turns * part
        return (radius[:, None] * (1 + use.growth * part))[..., None] * np.stack(
            [np.cos(turned), np.sin(turned)], axis=2
        )

    def _measured(self, rng: np.random.Generator) -> Bool[Array, "subjects times"]:
        """The same number of times of each spiral, two at least."""
        use = self.settings
        count = max(2, round(use.measured_share * use.n_times))
        rank = rng.random((use.subjects, use.n_times)).argsort(axis=1).argsort(axis=1)
        return rank < count

    @cached_property
    def _spirals(self) -> tuple[Array, Array, Array]:
        """(direction, first angle, first radius) of each, [subjects]; every other one turns clockwise."""
        use, rng = self.settings, np.random.default_rng(self.settings.seed)
        count = use.subjects
        return np.arange(count) % 2, rng.uniform(0, 2 * np.pi, count), rng.uniform(0.5, 1.5, count)
