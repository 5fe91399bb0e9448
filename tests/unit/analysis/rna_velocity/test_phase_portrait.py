"""The fitted course of a gene in its phase portrait."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.rna_velocity.phase_portrait import phase_portrait
from cellflow_core.data.simulators.transcription.splicing import Kinetics
from cellflow_core.models import registry
from cellflow_core.models.splicing.kinetics import switched_course
from tests.truth.models.rna_velocity.simulated import moments


def test_the_course_of_a_gene_is_on_and_then_off_as_the_simulator_has_it():
    rates = {"alpha": 8.0, "beta": 0.7, "gamma": 0.4}
    switch = 5.0
    given = torch.tensor([*rates.values(), switch], dtype=torch.float64)
    course = torch.stack(switched_course(*given))
    true = Kinetics(**{name: np.array([each]) for name, each in rates.items()}, on=np.zeros(1), off=np.array([switch]))
    half = course.shape[1] // 2
    times = np.concatenate([np.linspace(0, switch, half), switch + np.linspace(0, 4 / 0.4, half)])
    np.testing.assert_allclose(course, np.stack(true.levels(times))[..., 0], atol=1e-9)


@pytest.mark.parametrize("name", ["velovi", "steady-state"])
def test_only_a_model_that_knows_a_course_draws_one(name):
    data, *_ = moments("splicing", 60, n_times=1)
    model = registry.create(name, {}, data.spec, seed=0)
    course = phase_portrait(model.eval(), data, data.space.genes[0]).course
    assert course.shape == ((200, 2) if name == "velovi" else (0, 2)) and np.isfinite(course).all()
