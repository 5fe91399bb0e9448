"""Capabilities beyond fields and couplings keep shape and unit, in the toys and in each model that has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.models.contract import CAPABILITIES, Context, DynamicsModel, capabilities
from cellflow_core.train.trainer import TrainConfig, fit
from tests import toy_models

CELLS, DRAWS = 40, 5
X = np.random.default_rng(0).normal(size=(CELLS, 3)).astype(np.float32)
CASES = [
    *((name, kind, name) for name, kind in toy_models.TOYS.items()),
    *(
        (name, registry.find(name), capability)
        for name in registry.names()
        for capability in sorted(capabilities(registry.find(name)) & set(toy_models.TOYS))
    ),
]


def snapshots(times: tuple[float, ...] = (0.0, 1.0)) -> Snapshots:
    t = np.sort(np.resize(times, CELLS)) if times else None
    counts = np.random.default_rng(1).poisson(3.0, size=(CELLS, 3)).astype(np.float32)
    space = AffineSpace.of_genes(("A", "B", "C"))
    labels = {"kind": np.resize(["a", "b"], CELLS)}
    subject = np.resize(np.arange(CELLS // 4), CELLS)  # each is measured twice at each time
    known = {"spliced": counts, "unspliced": counts, "velocity": -X, "labels": labels, "subject": subject}
    known |= {"dose": np.ones((CELLS, 1)), "covariates": {"kg": 50.0 + subject}}
    known["perturbation"] = {"A": np.resize([0.0, 1.0], CELLS)}
    return Snapshots(X, t, space, "h", channels=known)


def moments() -> Snapshots:
    """The same cells with unspliced and spliced RNA of three genes, which rise, as their state."""
    rng = np.random.default_rng(0)  # scvelo can use all three
    age, fast, slow = rng.uniform(0, 6, (CELLS, 1)), np.array([1.0, 0.6, 0.9]), np.array([0.4, 0.3, 0.4])
    u, s = 8 * (1 - np.exp(-fast * age)), 12 * (1 - np.exp(-slow * age)) ** 2
    u, s = ((each * np.exp(0.05 * rng.normal(size=each.shape))).astype(np.float32) for each in (u, s))
    space = SplicingSpace.of(("A", "B", "C"), u, s)
    second = {"spliced_squared": 1.1 * s**2, "spliced_unspliced": 1.1 * s * u}
    return replace(snapshots(), x=space.join(u, s), space=space, channels={**second, "unspliced": u, "spliced": s})


def labelled() -> Snapshots:
    """The same cells with total RNA of three genes as their state, and new RNA."""
    new, old = np.random.default_rng(3).gamma(4.0, 1.0, (2, CELLS, 3))
    return replace(snapshots(), x=np.log1p(new + old), new_rna=new, pulse=np.full(CELLS, 2.0))


def data_for(kind: type[DynamicsModel]) -> Snapshots:
    if DataRequirement.LABELLING in kind.needs:
        return labelled()
    return moments() if DataRequirement.MOMENTS in kind.needs else snapshots()


def states(model: DynamicsModel) -> torch.Tensor:
    return torch.from_numpy(data_for(type(model)).x)


def trajectories() -> Trajectories:
    found = Trajectories.from_snapshots(snapshots())
    events = DoseEvents(found.subjects, np.full(len(found.subjects), 0.5), np.ones(len(found.subjects)))
    return replace(found, doses=events)


def trained(kind: type[DynamicsModel], capability: str = "") -> DynamicsModel:
    """A model with the settings that give the capability."""
    if not kind.installed():
        pytest.skip(f"the package {kind.package} is not installed")
    data = data_for(kind)
    key, values = kind.conditional_capabilities.get(capability, ("", ()))
    settings = {key: values[0]} if values else {}
    if capability == "network" and "annotation" in {each.name for each in kind.Config.settings()}:
        settings["annotation"] = "kind"
    with registry.registered("for-this-test", "tests", kind):
        model = registry.create("for-this-test", settings, data.spec, 0)
    fit(model, data, TrainConfig(steps=3, batch_size=8, validation_fraction=0.0))
    return model.eval()


def transitions(model) -> None:
    found = model.transitions()
    assert found.layout == torch.sparse_coo and found.is_coalesced() and found.shape == (CELLS, CELLS)
    assert (found.values() >= 0).all()
    torch.testing.assert_close(found.to_dense().sum(dim=1), torch.ones(CELLS))


def latent_time(model) -> None:
    found = model.latent_time(states(model), Context())
    assert found.shape == (CELLS,) and found.isfinite().all()
    assert model.latent_time_unit in ("none", "time")


def network(model) -> None:
    found = model.network()
    assert found.shape == (3, 3) and found.isfinite().all()
    with suppress(KeyError):  # one network for all cells
        assert model.network("a").shape == (3, 3)
    with pytest.raises(KeyError, match="no group"):
        model.network("nobody")


def kinetics(model) -> None:
    found = model.kinetics()
    assert found.values.shape == (3, len(found.names)) and len(found.units) == len(found.names)
    assert (found.values[found.values.isfinite()] >= 0).all()
    assert all("time" in unit for unit in found.units)


def equations(model) -> None:
    found = model.equations()
    terms = (*found.products, *((each,) for each in found.logarithms))
    assert found.coefficients.shape == (3, len(terms)) and found.coefficients.isfinite().all()
    assert len(found.before) == len(found.after) == 3 and found.meaning.endswith(".")
    assert found.explained is None or found.explained.shape == (3,)
    assert found.scale is None or found.scale.shape == (3, 2)
    assert all(0 <= gene < 3 for each in terms for gene in each)


def velocity_uncertainty(model) -> None:
    t, x = torch.zeros(CELLS), states(model)

    def drawn(seed: int) -> torch.Tensor:
        return model.velocity_samples(t, x, Context(), DRAWS, torch.Generator().manual_seed(seed))

    assert drawn(0).shape == (DRAWS, *x.shape) and drawn(0).isfinite().all()
    assert torch.equal(drawn(0), drawn(0)) and not torch.equal(drawn(0), drawn(1))


def permutation_scores(model) -> None:
    groups = torch.from_numpy(np.resize([0, 1], CELLS))

    def found(seed: int) -> torch.Tensor:
        return model.permutation_scores(states(model), groups, torch.Generator().manual_seed(seed))

    assert found(0).shape == (2, 3) and found(0).isfinite().all()
    assert torch.equal(found(0), found(0)) and not torch.equal(found(0), found(1))
    alone = groups.clone()
    alone[0] = 2
    found = model.permutation_scores(states(model), alone, torch.Generator().manual_seed(0))
    assert found[2].isnan().all() and found[:2].isfinite().all()


def courses(model) -> None:
    subjects = TrajectoryTensors.from_trajectories(trajectories()).take(slice(4), torch.Generator()).until(0.4)
    times = torch.tensor([0.0, 0.4, 1.5])

    def drawn(doses: float) -> torch.Tensor:
        asked = toy_models.another_dose(subjects, doses)
        return model.courses(asked, times, DRAWS, torch.Generator().manual_seed(0))

    assert drawn(1.0).shape == (DRAWS, 4, 3, 3) and drawn(1.0).isfinite().all()
    assert torch.equal(drawn(1.0)[:, :, :2], drawn(2.0)[:, :, :2])  # nothing has been given yet
    ignores = "ignores doses" in model.limitation
    assert torch.equal(drawn(1.0)[:, :, 2], drawn(2.0)[:, :, 2]) == ignores
    found = model.measured(drawn(1.0), torch.Generator().manual_seed(1))
    assert found.shape == drawn(1.0).shape and found.isfinite().all()


def individual_parameters(model) -> None:
    subjects = TrajectoryTensors.from_trajectories(trajectories()).take(slice(4), torch.Generator())
    found = model.individual_parameters(subjects, DRAWS, torch.Generator().manual_seed(0))
    assert found.shape == (DRAWS, 4, len(model.parameter_names)) and found.isfinite().all()


CHECKS: dict[str, Callable[[DynamicsModel], None]] = {
    "transitions": transitions,
    "latent_time": latent_time,
    "network": network,
    "kinetics": kinetics,
    "equations": equations,
    "velocity_uncertainty": velocity_uncertainty,
    "permutation_scores": permutation_scores,
    "courses": courses,
    "individual_parameters": individual_parameters,
}


@pytest.mark.parametrize(("name", "kind", "capability"), CASES, ids=[f"{name}-{what}" for name, _, what in CASES])
def test_keeps_the_contract(name: str, kind: type[DynamicsModel], capability: str) -> None:
    model = trained(kind, capability)
    assert capability in capabilities(model)
    with torch.no_grad():
        CHECKS[capability](model)


def test_every_capability_is_checked_and_has_its_docstring() -> None:
    assert set(CHECKS) == set(toy_models.TOYS) < set(CAPABILITIES)
    assert all(kind.__doc__ for kind in CAPABILITIES.values())


def test_toys_are_found_for_a_test_only() -> None:
    before = registry.names()
    with toy_models.registered():
        assert registry.find("toy-network") is toy_models.Wired and registry.family("toy-network") == "toys"
        assert registry.names()[: len(before)] == before and "toy-courses" in registry.names()
    assert registry.names() == before


@pytest.mark.parametrize("times", [(), (2.0,), (0.0, 1.0)], ids=["no time", "one time", "two times"])
def test_a_model_that_needs_no_times_trains_on_any(times: tuple[float, ...]) -> None:
    data = snapshots(times)
    model = toy_models.Ordered(toy_models.Ordered.Config(), data.spec)
    reports = []
    fit(model, data, TrainConfig(steps=4, batch_size=8, log_every=2, validation_fraction=0.2), reports.append)
    assert reports[-1].validation is not None
    latent_time(model.eval())


def test_one_that_needs_times_says_so() -> None:
    data = snapshots(())
    model = registry.create("i-cfm", {"width": 8, "depth": 1}, snapshots().spec, 0)
    with pytest.raises(ValueError, match=DataRequirement.TIMES):
        fit(model, data, TrainConfig(steps=2, batch_size=4))


def test_individuals_train_whole_and_from_snapshots() -> None:
    kind, seen = toy_models.Followed, []

    class Watching(kind):
        def loss(self, batch):
            seen.append(batch)
            return super().loss(batch)

    for data in (trajectories(), snapshots()):
        fit(Watching(kind.Config(), data.spec), data, TrainConfig(steps=2, batch_size=6))
    assert all(each.observed.shape == (6, 4, 3) for each in seen[:2])
    lone = replace(snapshots(), subject=None)
    with pytest.raises(ValueError, match="individuals"):
        fit(kind(kind.Config(), lone.spec), lone, TrainConfig(steps=2, batch_size=6))


def test_a_model_without_a_field_is_not_simulated() -> None:
    with pytest.raises(ValueError, match="cannot be simulated"):
        dynamics(trained(toy_models.Wired))
