"""A model on an optional package: one sentence where it is missing, and the same plan as ours where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cellflow_core.jobs.recipes import comparison, recipes
from cellflow_core.math.fused_gromov_wasserstein import fused_plan
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models import contract, registry
from cellflow_core.models.couplings import moslin
from cellflow_core.models.transport.moscot_solver import lineage_plan, temporal_plan
from cellflow_core.selection import model_cards
from tests import toys


@pytest.fixture
def absent(monkeypatch):
    """No optional package is there."""
    monkeypatch.setattr(contract, "find_spec", lambda name: None)


def test_is_listed_and_says_what_to_install(absent):
    assert "moscot" in registry.names()
    message = "moscot needs the package moscot, which is not installed: install it with `make moscot`"
    with pytest.raises(ValueError, match=message):
        registry.create("moscot", {}, toys.drifting().spec, 0)
    assert model_cards.card("moscot").missing_package == "moscot" and model_cards.card("ot-cfm").missing_package == ""


def test_moslin_says_it_too_where_moscot_is_to_solve(absent):
    kind = registry.find("moslin")
    with pytest.raises(ValueError, match=r"moslin needs the package moscot.* or choose other settings"):
        kind.check_installed(kind.Config(solver="moscot"))
    kind.check_installed(kind.Config())
    with pytest.raises(ValueError, match="make moscot"):  # before anything is queued
        recipes(toys.stored(), "moslin", "quick", {"solver": "moscot"}, {}, seeds=[0])


def test_a_comparison_of_all_goes_on_without_it(absent):
    found = comparison(toys.stored(), ["ot-displacement", "moscot"])
    assert [each.model for each in found.recipes] == ["ot-displacement"]
    assert "install it with `make moscot`" in found.refused["moscot"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tau", [1.0, 0.95])
def test_the_plan_is_that_of_the_built_in_solver(tau):
    pytest.importorskip("moscot", reason="the package moscot is not installed")
    rng = np.random.default_rng(0)
    x0, x1 = rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(45, 3)).astype(np.float32) + 0.5
    source = rng.uniform(0.5, 1.5, 60)
    source /= source.sum()
    found = temporal_plan(x0, x1, source, epsilon=0.05, tau=tau).matrix.numpy()
    cost = torch.cdist(torch.from_numpy(x0), torch.from_numpy(x1)).double().square()
    rho = math.inf if tau == 1 else 0.05 * tau / (1 - tau)
    ours = entropic_plan(cost / cost.mean(), 0.05, rho, source=torch.from_numpy(source)).matrix.numpy()
    assert np.abs(found - ours).sum() < 1e-3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tau", [1.0, 0.9])
def test_the_plan_with_lineage_is_ours_too(tau):
    pytest.importorskip("moscot", reason="the package moscot is not installed")
    rng = np.random.default_rng(0)
    x0, x1 = rng.normal(size=(60, 3)), rng.normal(size=(45, 3)) + 0.5
    clones = [torch.from_numpy(rng.integers(0, 6, count)) for count in (60, 45)]
    d0, d1 = (moslin.lineage_distance(each) for each in clones)
    source = np.full(60, 1 / 60)
    config = moslin.Settings(tau=tau)
    alpha, epsilon = config.alpha, config.epsilon
    found = lineage_plan(x0, x1, d0.numpy(), d1.numpy(), source, alpha=alpha, epsilon=epsilon, tau=tau).matrix.numpy()
    cost = torch.cdist(torch.from_numpy(x0), torch.from_numpy(x1)).square()
    rho = math.inf if tau == 1 else epsilon * tau / (1 - tau)
    cost, even = cost / cost.mean(), torch.from_numpy(source)
    ours = fused_plan(cost, d0, d1, alpha, epsilon, rho, even).matrix.numpy()
    assert np.abs(found - ours).sum() < 1e-3
