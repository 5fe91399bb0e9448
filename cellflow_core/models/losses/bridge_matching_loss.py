"""Regression of displacement and score on Brownian bridges between paired cells: the loss of bridge matching."""

from __future__ import annotations

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import Loss
from cellflow_core.models.losses.flow_matching_loss import growth_loss, sum_of, velocity_error
from cellflow_core.models.paths.path_sample import PathSample


def bridge_matching_loss(
    displacement: Field,
    scaled_score: Field,
    at: PathSample,
    sigma: float,
    spec: DataSpec,
    growth: Field | None = None,
) -> Loss:
    """Regression of d (in typical speeds), of g (as the noise that it takes away) and of the growth rate, by mass.

    d and g are those of `paths.brownian_bridge`; `at` are points of `with_bridge_noise`, one a pair.
    """
    assert at.epsilon is not None
    width = (at.interval * at.s * (1 - at.s)).sqrt()[:, None]
    score = 2 * width / sigma * scaled_score(at.t, at.x) + at.epsilon
    terms = {
        "velocity": at.mean(velocity_error(displacement, at, spec).square()),
        "score": at.mean(score.square()),
    }
    if growth is not None:
        terms["growth"] = growth_loss(growth, at, spec)
    return Loss(sum_of(terms), {name: each.detach() for name, each in terms.items()})
