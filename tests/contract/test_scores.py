"""Every model can be judged on a time that it did not see, whichever kind of motion it has."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis import evaluate
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import MOVES_CELLS, capabilities
from cellflow_core.train.trainer import TrainConfig, fit
from tests import toys

TIMES = (0.0, 1.0, 2.0, 3.5)


def measured() -> Snapshots:
    """Cells that move and split over four times, with all that a model may need of them."""
    rng = np.random.default_rng(0)
    counts = (30, 36, 42, 54)
    t = np.repeat(TIMES, counts)
    side = rng.choice([-1.0, 1.0], len(t))
    x = rng.normal(size=(len(t), 3)) + np.stack([3 * t, side * t, np.zeros_like(t)], axis=1)
    return Snapshots(
        x - x.min(axis=0),
        t,
        toys.counted(),
        "day",
        velocity=np.stack([np.full_like(t, 3.0), side, np.zeros_like(t)], axis=1),
        mass=np.array(counts, dtype=float),
        growth=np.full(len(t), 0.15),
        lineage=np.arange(len(t)) % 9,
        subject=np.arange(len(t)) % 9,
        dose=np.zeros((len(t), 1)),
        labels={"kind": np.where(side > 0, "up", "down")},
        perturbation={"A": np.arange(len(t)) % 2.0},
    )


@pytest.mark.parametrize("name", [each for each in registry.names() if capabilities(registry.find(each)) & MOVES_CELLS])
def test_a_model_is_scored_on_a_time_that_it_did_not_see(name):
    data = measured()
    seen = data.without(2.0)
    kind = registry.find(name)
    if not kind.installed():
        pytest.skip(f"{name} needs the package {kind.package}, which is not installed")
    if kind.needs & {DataRequirement.MOMENTS, DataRequirement.LABELLING}:
        pytest.skip(f"{name} estimates velocities from moments of RNA, which these cells do not have")
    known = {each.name for each in kind.Config.settings()}
    if DataRequirement.GENE_AXES in kind.needs:
        genes = AffineSpace.of_genes(("A", "B", "C"))
        data, seen = (dataclasses.replace(each, space=genes) for each in (data, seen))
    model = registry.create(name, {k: v for k, v in {"width": 8, "depth": 1}.items() if k in known}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", kind, steps=6, batch_size=12), seed=0)
    found = evaluate.scores(model, data, 2.0)
    for start in (found.from_previous, found.from_first):
        assert all(np.isfinite(value) for value in dataclasses.astuple(start))
        assert (
            min(start.w1, start.w2, start.mmd, start.sliced) > 0 and start.w1 <= start.w2 and start.sliced <= start.w1
        )
        assert 0 <= start.coverage <= 1
    assert found.from_previous.w1 == pytest.approx(evaluate.score(model, data, 2.0))
    assert evaluate.scores(model, data, 2.0).from_previous == found.from_previous  # the seed decides
