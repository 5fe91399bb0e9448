"""RegVelo on the six-gene circuit, whose velocity, latent time and edges are known."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torchdiffeq import odeint

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.regulation.gene_equations import gene_equations
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.regulatory.regvelo import LAST, RegVelo
from cellflow_core.reporting.regulation.equations import in_latex
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated import moments

pytestmark = pytest.mark.truth
CIRCUIT = "six-gene-circuit"


def trained(data: Snapshots, steps: int = 200, **settings: object) -> RegVelo:
    model = registry.create("regvelo", {"width": 64, **settings}, data.spec, seed=0)
    assert isinstance(model, RegVelo)
    fit(model, data, TrainConfig.preset("standard", RegVelo, steps=steps, batch_size=256), seed=0)
    return model.eval()


@cache
def fitted() -> tuple[RegVelo, Snapshots, np.ndarray, np.ndarray]:
    data, velocity, time = moments(CIRCUIT, cells=400)
    return trained(data), data, velocity, time


def test_velocity_and_time_of_the_circuit() -> None:
    """Median correlation of a gene's velocity above 0.8, rank correlation of the latent time above 0.5."""
    model, data, truth, time = fitted()
    found = data.space.split(velocity_at(dynamics(model), data.x, 0.0))[1]
    assert np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, truth.T, strict=True)]) > 0.8
    latent = model.latent_time(torch.from_numpy(data.x), Context()).detach().numpy()
    assert spearmanr(latent, time).statistic > 0.5 and latent.min() >= 0 and latent.max() <= LAST


def test_the_network_is_the_derivative_of_transcription() -> None:
    model, *_ = fitted()
    found = torch.autograd.functional.jacobian(model.transcription, model.mean_spliced)
    torch.testing.assert_close(model.network(), torch.as_tensor(found), rtol=1e-4, atol=1e-6)
    assert not model.network().diag().any()


def test_a_prior_network_draws_the_edges_to_itself() -> None:
    data, *_ = moments(CIRCUIT, cells=200)
    circuit = create(CIRCUIT)
    targets, sources = np.nonzero(circuit.network())  # type: ignore[attr-defined]
    names = np.asarray(circuit.axes)
    prior = PriorNetwork("truth", names[sources], names[targets], np.ones(len(sources), np.float32))
    model = trained(dataclasses.replace(data, network=prior), 60, prior="soft", prior_weight=100.0, sparsity=0.0)
    known = prior.matrix(data.space.genes) != 0
    size = model.network().abs().numpy()
    assert size[known].mean() > 5 * size[~known & ~np.eye(len(size), dtype=bool)].mean()


def test_the_course_solves_its_equation() -> None:
    """Against torchdiffeq's adaptive steps, within 0.02 of the highest level of a gene."""
    model, *_ = fitted()
    found = torch.stack(model.course(), dim=1)
    times = torch.linspace(0, LAST, len(found))
    exact = odeint(lambda t, state: model.change(state), torch.zeros_like(found[0]), times, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found, exact, atol=0.02, rtol=0.0)


def test_a_gene_that_is_degraded_at_once_does_not_end_the_training() -> None:
    """Its spliced RNA is 0 in the cells with most unspliced RNA: rates stay where the course can be solved."""
    data, *_ = moments(CIRCUIT, cells=100)
    u, s = (each.copy() for each in data.space.split(data.x))
    top = u[:, 0] > np.quantile(u[:, 0], 0.5)
    s[top, 0] = 0.0
    known = {**data.channels, "unspliced": u, "spliced": s}
    data = dataclasses.replace(data, x=data.space.join(u, s), channels=known)
    model = trained(data, 20)
    assert all(each.isfinite().all() and each.max() < 50 for each in model.course())


def test_the_seed_decides() -> None:
    data, *_ = moments(CIRCUIT, cells=100)
    one, again = (trained(data, 5).network() for _ in range(2))
    assert torch.equal(one, again)


def test_the_equations_are_its_own_where_unspliced_rna_is_steady() -> None:
    """Written out with three digits: within 1 % of the largest change; and read as they are in LaTeX."""
    model, data, *_ = fitted()
    held = model.equations()
    spliced = model.scaled(torch.from_numpy(data.x))[1]
    unspliced = model.transcription(spliced) / torch.nn.functional.softplus(model.beta)
    true = model.change(torch.stack([unspliced, spliced]))[1]
    assert held.products[-1] == () and not torch.diagonal(held.coefficients[:, :-1]).any()
    decay = torch.tensor([float(each.removeprefix(") − ").removesuffix(" @")) for each in held.after])
    inside = spliced @ held.coefficients[:, :-1].T + held.coefficients[:, -1]
    torch.testing.assert_close(torch.nn.functional.softplus(inside) - decay * spliced, true, atol=0.01, rtol=0.0)
    words = in_latex(gene_equations(model), 0)
    assert words.startswith(r"\begin{aligned} \frac{d\,s_{\text{") and r"\mathrm{softplus}(" in words
