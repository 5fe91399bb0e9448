"""The model on the optional package scvelo: a sentence where it is missing, and the package's own results where it is
installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.models import contract, registry
from cellflow_core.models.contract import Context
from cellflow_core.models.splicing import scvelo_package
from cellflow_core.models.splicing.interpolation import Interpolation
from cellflow_core.train.trainer import TrainConfig, fit


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(contract, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="make scvelo"):
        registry.create("scvelo", {}, induction()[0].spec, 0)


def test_interpolation_is_exact_at_the_cells_and_between_the_values_elsewhere():
    rng = torch.Generator().manual_seed(0)
    states, values = torch.randn(50, 40, generator=rng), torch.randn(50, 41, generator=rng)
    known = Interpolation(40)
    known.fill(states, values)
    assert torch.allclose(known(states), values, rtol=0, atol=1e-6)
    middle = known((states[:1] + states[1:2]) / 2)
    assert (middle <= values.max(dim=0).values).all() and (middle >= values.min(dim=0).values).all()
    again = Interpolation(40)
    again.load_state_dict(known.state_dict())
    assert torch.equal(again(states), known(states))


def induction(cells: int = 120, genes: int = 12) -> tuple[Snapshots, np.ndarray, dict[str, np.ndarray]]:
    """(cells, their times, layers) of genes that go on at 0 and half of them off later, with Poisson noise averaged."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 12, cells))[:, None]
    alpha, beta, gamma = rng.uniform(4, 10, genes), rng.uniform(0.5, 1.5, genes), rng.uniform(0.2, 0.6, genes)
    off = np.where(np.arange(genes) % 2, 6.0, np.inf)

    def levels(t, u0, s0, alpha):
        a, b = np.exp(-beta * t), np.exp(-gamma * t)
        return u0 * a + alpha / beta * (1 - a), s0 * b + alpha / gamma * (1 - b) + (alpha - beta * u0) * (b - a) / (
            gamma - beta
        )

    u_on, s_on = levels(np.minimum(t, off), 0.0, 0.0, alpha)
    u, s = levels(np.maximum(t - off, 0.0), u_on, s_on, np.where(t > off, 0.0, alpha))
    u, s = (np.where(t > off, new, old) for new, old in ((u, u_on), (s, s_on)))
    u, s = (rng.gamma(40, np.maximum(each, 1e-3) / 40).astype(np.float32) for each in (u, s))
    space = SplicingSpace.of(tuple(f"G{k}" for k in range(genes)), u, s)
    layers = {"unspliced": u, "spliced": s, "spliced_squared": 1.05 * s**2 + s, "spliced_unspliced": 1.02 * s * u}
    return Snapshots(space.join(u, s), None, space, **layers), t[:, 0], layers


def trained(data: Snapshots, **settings):
    model = registry.create("scvelo", settings, data.spec, 0)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    return model


def direct(layers, mode: str):
    """The package called by hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scvelo as package

        package.settings.verbosity = 0
        cells = scvelo_package.annotated(layers["unspliced"], layers["spliced"])
        if mode == "dynamical":
            package.tl.recover_dynamics(cells, n_jobs=1, show_progress_bar=False)
        package.tl.velocity(cells, mode=mode)
        if mode == "dynamical":
            package.tl.velocity_graph(cells, approx=True, n_jobs=1, show_progress_bar=False)
            package.tl.latent_time(cells)
    return cells


def test_the_dynamical_model_is_the_package():
    """Velocities, rates and latent times at the cells to 1e-6 of a direct call; latent time follows the true one."""
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    data, time, layers = induction()
    model, cells = trained(data, velocity_genes=False), direct(layers, "dynamical")
    x = torch.from_numpy(data.x)
    v = model.velocity(torch.zeros(len(x)), x, Context())
    du, ds = data.space.split(v.numpy().astype(np.float64))
    for found, layer in ((du, "velocity_u"), (ds, "velocity")):
        expected = np.nan_to_num(np.asarray(cells.layers[layer]))
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    latent = model.latent_time(x, Context()).numpy()
    np.testing.assert_allclose(latent, cells.obs["latent_time"], atol=1e-6)
    rates = model.kinetics().values.numpy()
    np.testing.assert_allclose(rates[:, 2], cells.var["fit_gamma"], rtol=1e-6)
    assert np.corrcoef(np.argsort(np.argsort(latent)), time)[0, 1] > 0.9
    assert "fitted the dynamics" in model.notes()[0]


def test_genes_are_fitted_by_parts_as_all_at_once(monkeypatch):
    """Whatever the part: the package's velocities, latent times and choice of genes to 1e-6."""
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    monkeypatch.setattr(scvelo_package, "BLOCK", 5)
    monkeypatch.setattr(scvelo_package, "CELLS", 50)
    data, _, layers = induction()
    model, cells = trained(data), direct(layers, "dynamical")
    x = torch.from_numpy(data.x)
    du, ds = data.space.split(model.velocity(torch.zeros(len(x)), x, Context()).numpy().astype(np.float64))
    used = cells.var["velocity_genes"].to_numpy(bool)
    assert used.sum() > 3 and not ds[:, ~used].any()
    for found, layer in ((du, "velocity_u"), (ds, "velocity")):
        expected = np.asarray(cells.layers[layer])[:, used]
        np.testing.assert_allclose(found[:, used], expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(model.latent_time(x, Context()), cells.obs["latent_time"], atol=1e-6)


def test_cells_that_are_all_alike_are_named():
    u, s = np.random.default_rng(0).gamma(4.0, 1.0, (2, 60, 3)).astype(np.float32)
    u[:20], s[:20] = 1.0, 1.0
    with pytest.raises(ValueError, match="20 cells have the same RNA as all of their nearest cells"):
        next(scvelo_package.fit(u, s, neighbors=5))


def test_every_gene_may_be_used():
    """The package names the genes that it uses unless it uses all: seldom noisy ones, of which all follow a line."""
    data, _, layers = induction()
    cells = scvelo_package.annotated(layers["unspliced"], layers["spliced"])
    assert scvelo_package._used(cells).all()
    cells.var["velocity_genes"] = np.arange(cells.n_vars) < 3
    assert scvelo_package._used(cells).sum() == 3
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    package = direct(layers, "deterministic").var["velocity_genes"].to_numpy(bool)
    model = trained(_of(data, package))
    assert package.sum() > 2 and model.likelihood.isfinite().all()
    with pytest.raises(ValueError, match="can use 1 of 2 genes"):
        trained(_of(data, np.isin(np.arange(12), [np.flatnonzero(package)[0], np.flatnonzero(~package)[0]])))


def _of(data: Snapshots, genes: np.ndarray) -> Snapshots:
    u, s = data.unspliced[:, genes], data.spliced[:, genes]
    space = SplicingSpace.of(tuple(np.array(data.space.genes)[genes]), u, s)
    return Snapshots(space.join(u, s), None, space, unspliced=u, spliced=s)


def test_the_steady_state_ratios_are_near_those_of_our_own_estimator():
    """To 3 %: the package takes the upper end of a gene only, ours both ends."""
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    data, _, layers = induction()
    ours = registry.create("steady-state", {}, data.spec, 0)
    fit(ours, data, TrainConfig.preset("standard", type(ours)), seed=0)
    ratio = direct(layers, "deterministic").var["velocity_gamma"]
    np.testing.assert_allclose(ours.kinetics().values[:, 0], ratio, rtol=0.03)
