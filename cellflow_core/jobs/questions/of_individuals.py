"""The questions about a run on individuals followed over time.

Nothing heavy is imported before a question is asked, so that the page can read the signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from cellflow_core.analysis.results import (
        ForecastErrors,
        IndividualFits,
        IndividualParameters,
        PredictionErrors,
        PredictiveCheck,
        RegimenComparison,
    )
    from cellflow_core.jobs.run_context import RunContext


def individual_fits(
    subject: RunContext, variable: str, individuals: Sequence[int], until: float | None = None
) -> IndividualFits:
    """until: end of the history that is used; None: all of it that was not held out of the training.

    Where the bands of the run are calibrated, it answers alone: they are those of its own draws.
    """
    from cellflow_core.analysis.courses import fits

    end = subject.held_out_after if until is None else until
    held = _held_out_by_all(subject)
    data, after, bands = subject.trajectories, subject.held_out_after, subject.bands(variable)
    models = subject.ensemble if bands is None else (subject.model,)
    return fits.individual_fits(models, data, variable, tuple(individuals), end, held, after=after, bands=bands)


def individual_parameters(subject: RunContext) -> IndividualParameters:
    from cellflow_core.analysis.courses.parameters import individual_parameters

    return individual_parameters(subject.ensemble, subject.trajectories, after=subject.held_out_after)


def plans(
    subject: RunContext,
    variable: str,
    plans: Sequence[Any],
    individual: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    window: Sequence[float | None] = (None, None),
) -> RegimenComparison:
    """plans: as `Plan.plain` has them; window: lowest and highest value, None for none."""
    from cellflow_core.analysis.courses.plans import compare_plans
    from cellflow_core.analysis.courses.regimen import Plan

    low, high = window
    return compare_plans(
        subject.ensemble,
        subject.trajectories,
        variable,
        [Plan.from_plain(each) for each in plans],
        individual,
        start,
        end,
        (float("-inf") if low is None else low, float("inf") if high is None else high),
        after=subject.held_out_after,
    )


def predictive_check(subject: RunContext, variable: str, by: str = "", corrected: bool = False) -> PredictiveCheck:
    """by: label whose groups are shown apart, "dose" for the amount of the first dose."""
    from cellflow_core.analysis.courses import predictive_check as analysis

    data, after = subject.trajectories, subject.held_out_after
    return analysis.predictive_check(subject.ensemble, data, variable, by, corrected, after=after)


def prediction_errors(subject: RunContext, variable: str) -> PredictionErrors:
    from cellflow_core.analysis.courses import prediction_errors as analysis

    held, after = _held_out_by_all(subject), subject.held_out_after
    return analysis.prediction_errors(subject.ensemble, subject.trajectories, variable, held, after=after)


def forecast(subject: RunContext, variable: str, cuts: Sequence[float] = ()) -> ForecastErrors:
    """cuts: times at which histories end. Other seeds were trained on these individuals, so the run answers alone.

    Where later measurements were held out of the training, those of all individuals are forecast; else the individuals
    that were.
    """
    from cellflow_core.analysis.courses.forecast import forecast_errors

    held, after, bands = subject.held_out_individuals, subject.held_out_after, subject.bands(variable)
    return forecast_errors(
        (subject.model,), subject.trajectories, variable, held, tuple(cuts), after=after, bands=bands
    )


def _held_out_by_all(subject: RunContext) -> np.ndarray:
    """Numbers of the individuals that no training of the ensemble has seen: every seed holds out others."""
    from functools import reduce

    import numpy as np

    from cellflow_core.jobs.run_context import RunContext, replicates

    others = (RunContext(each).held_out_individuals for each in replicates(subject.run))
    return reduce(np.intersect1d, others, subject.held_out_individuals)
