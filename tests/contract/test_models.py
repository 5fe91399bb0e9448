"""What every model promises, whichever it is: found by name, trained, asked, saved, read back and simulated."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from functools import cache

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import DataRequirement, DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import CAPABILITIES, MOVES_CELLS, Context, capabilities
from cellflow_core.train import checkpoint
from cellflow_core.train.trainer import TrainConfig, fit
from tests.contract.cells import CELLS, followed, individuals, labelled, moments, perturbed, snapshots

TINY = {"width": 8, "depth": 1}
SMOOTH = ("mmfm", "curly-fm")
"""Models in whose paths the lengths of intervals matter: smooth in measured time, or with the velocity of a cell in
both intervals beside its time."""


def data_for(case: str) -> Snapshots:
    """Cells that the model can be trained on."""
    kind = registry.find(case.split()[0])
    needs = kind.required_data(kind.Config.from_dict(chosen(case)))
    if DataRequirement.GENE_AXES in needs:
        return perturbed()
    if DataRequirement.SUBJECTS in needs:
        return followed()
    made = {DataRequirement.LABELLING: labelled, DataRequirement.MOMENTS: moments}
    return next((made[each] for each in made if each in needs), snapshots)()


def chosen(case: str) -> dict[str, object]:
    """The settings of a case "name setting=value"."""
    words = {"True": True, "False": False}
    return {key: words.get(value, value) for key, value in (each.split("=") for each in case.split()[1:])}


def with_conditions() -> list[str]:
    """Every model by name, and by "name setting=value" for each value that gives or takes a capability."""
    found = []
    for name in registry.names():
        kind = registry.find(name)
        defaults = {each.name: each.default for each in kind.Config.settings()}
        keys = sorted({key for key, _ in kind.conditional_capabilities.values()})
        choices = {each.name: each.choices or (False, True) for each in kind.Config.settings() if each.name in keys}
        found += [name, *(f"{name} {key}={v}" for key in keys for v in choices[key] if v != defaults[key])]
    return found


def built(case: str, data: Snapshots, seed: int = 0):
    name = case.split()[0]
    known = {each.name for each in registry.find(name).Config.settings()}
    if not registry.find(name).installed():
        pytest.skip(f"{name} needs the package {registry.find(name).package}, which is not installed")
    return registry.create(name, {k: v for k, v in TINY.items() if k in known} | chosen(case), data.spec, seed)


def trained(case: str, seed: int = 0, data: Snapshots | None = None):
    """A model after a few steps, and its losses at each report."""
    data, losses = data or data_for(case), []
    model = built(case, data, seed)
    config = TrainConfig.preset("standard", type(model), steps=6, batch_size=12, log_every=2)
    fit(model, data, config, lambda progress: losses.append(dict(progress.losses)), seed=seed)
    return model, losses


@cache
def shared(case: str):
    """`trained` once for all tests of a case: they ask, and change nothing."""
    return trained(case)


def answers(model) -> dict[str, torch.Tensor]:
    """Every capability at times on, between, before and after the measured ones."""
    times = [1.0, 1.5, 2.0, 4.5]
    t = model.clock.position(torch.tensor([1.0, 1.7, 2.0, 3.9, 4.5, 0.5, 5.0]))
    center, scale = torch.tensor(model.spec.center), model.spec.scale
    x = torch.randn(len(t), model.spec.dim, generator=torch.Generator().manual_seed(1)) * scale / 2 + center
    found = {}
    for each in capabilities(model):
        if each == "coupling":
            for k in range(len(model.spec.times) - 1):
                plan = model.coupling(k)
                found |= {f"coupling {k} {name}": getattr(plan, name) for name in ("x0", "x1", "weight")}
        elif each == "sampler":
            found[each] = model.sample(
                x, tuple(model.clock.positions_of(times)), torch.Generator().manual_seed(2), Context()
            )
        elif each == "velocity_uncertainty":
            found[each] = model.velocity_samples(t, x, Context(), 4, torch.Generator().manual_seed(2))
        elif each == "permutation_scores":
            one = torch.zeros(len(x), dtype=torch.int64)
            found[each] = model.permutation_scores(x, one, torch.Generator().manual_seed(2))
        elif each == "interaction":
            found[each] = model.interaction(t, x, x[:5] + 1.0, torch.arange(5) / 10, Context())
        elif each == "latent_time":
            found[each] = model.latent_time(x, Context())
        elif each == "kinetics":
            found[each] = model.kinetics().values
        elif each == "equations":
            found[each] = model.equations().coefficients
        elif each == "courses":
            found[each] = model.courses(individuals(model), torch.tensor(times), 5, torch.Generator().manual_seed(2))
        elif each == "individual_parameters":
            found[each] = model.individual_parameters(individuals(model), 5, torch.Generator().manual_seed(2))
        elif each in ("network", "transitions"):
            found[each] = getattr(model, each)().to_dense()
        elif each == "lineages":
            found[each] = model.lineages(x, Context()).weight
        else:
            found[each] = model.noise(t) if each == "noise" else getattr(model, each)(t, x, Context())
    return found


def shape_of(capability: str, model) -> tuple[int, ...]:
    dim, genes = model.spec.dim, len(model.spec.genes)
    if capability in ("sampler", "velocity_uncertainty"):
        return (4, 7, dim)
    if capability == "permutation_scores":
        return (1, genes)
    if capability == "courses":
        return (5, 12, 4, dim)
    if capability == "individual_parameters":
        return (5, 12, len(model.parameter_names))
    if capability == "kinetics":
        return (genes, len(model.kinetics().names))
    if capability == "equations":
        return (genes, len(model.equations().products) + len(model.equations().logarithms))
    if capability == "network":
        return (genes, genes)
    if capability == "transitions":
        return (sum(CELLS), sum(CELLS))
    return (7, dim) if capability in ("velocity", "drift", "score", "interaction") else (7,)


@pytest.mark.parametrize("name", registry.names())
def test_says_what_it_is(name):
    kind = registry.find(name)
    assert kind.title and kind.summary.endswith(".") and kind.paper
    assert capabilities(kind)
    assert all(each.help for each in kind.Config.settings())
    # one flag and one word of `--set` for each: a model may not take the trainer's
    assert {each.name for each in kind.Config.settings()}.isdisjoint(each.name for each in TrainConfig.settings())
    assert inspect.getdoc(inspect.getmodule(kind))


@pytest.mark.parametrize("name", registry.names())
def test_names_the_settings_that_a_capability_hangs_on(name):
    kind = registry.find(name)
    settings = {each.name: each for each in kind.Config.settings()}
    for capability, (key, values) in kind.conditional_capabilities.items():
        assert capability in capabilities(kind) and values
        assert set(values) < set(settings[key].choices or (False, True))


@pytest.mark.parametrize("name", with_conditions())
class TestEveryModel:
    def test_trains_with_finite_named_losses(self, name):
        model, losses = shared(name)
        steps = any(phase.updates for phase in model.phases())
        assert any(losses) == steps
        for each in filter(None, losses):
            assert len(each) > 1 and all(math.isfinite(value) for value in each.values())

    def test_moves_every_parameter(self, name):
        model, _ = shared(name)
        before = dict(built(name, data_for(name)).named_parameters())
        still = [key for key, value in model.named_parameters() if torch.equal(value, before[key])]
        # a constant added to a potential changes no velocity, so its last bias has nothing to learn from
        assert [key for key in still if not ("potential" in capabilities(model) and key.endswith("bias"))] == []

    def test_answers_in_shape_and_finite(self, name):
        model, _ = shared(name)
        for grad in (torch.enable_grad(), torch.no_grad()):
            with grad:
                found = answers(model)
            assert all(torch.isfinite(value).all() for value in found.values())
            for each in capabilities(model) - {"coupling", "lineages"}:
                assert found[each].shape == shape_of(each, model)
        if "noise" in found:
            assert (found["noise"] > 0).all()

    def test_is_decided_by_its_seed(self, name):
        model, _ = shared(name)
        one, again = answers(model), answers(trained(name)[0])
        assert all(torch.equal(one[key], again[key]) for key in one)
        if any(True for _ in model.parameters()):
            other = answers(trained(name, seed=4)[0])
            assert not all(torch.equal(one[key], other[key]) for key in one)

    def test_reads_back_what_was_saved(self, name, tmp_path):
        model, _ = shared(name)
        checkpoint.write(tmp_path / "weights", model.state_dict())
        spec = DataSpec.from_dict(json.loads(json.dumps(dataclasses.asdict(data_for(name).spec))))
        settings = json.loads(json.dumps(model.config.as_dict()))
        back = registry.create(name.split()[0], settings, spec, seed=9)
        back.load_state_dict(checkpoint.read(tmp_path / "weights"))
        assert (back.spec, back.clock) == (model.spec, model.clock)
        before, after = answers(model), answers(back)
        assert all(torch.equal(before[key], after[key]) for key in before)
        start, times = data_for(name).at(1.0), [1.0, 1.5, 4.5]
        if capabilities(model) & MOVES_CELLS:
            found = [simulate(each, start, times, seed=2).x for each in (model, back)]
            np.testing.assert_array_equal(*found)

    def test_can_be_simulated(self, name):
        model, _ = shared(name)
        start = data_for(name).at(1.0)
        if not capabilities(model) & MOVES_CELLS:
            pytest.skip("it moves no cells")
        found = simulate(model, start, [1.0, 1.5, 2.0, 4.5], seed=0)
        assert found.x.shape == (4, *start.shape)
        np.testing.assert_array_equal(found.x[0], start)
        assert np.isfinite(found.x).all() and np.isfinite(found.log_weight).all()

    def test_the_length_of_an_interval_is_a_unit(self, name):
        """The same cells, called the times 1, 2, 4.5 h or 0, 1, 2: networks learn the same from them."""
        model, _ = shared(name)
        if not model.counts_intervals or name.startswith(SMOOTH):
            pytest.skip("its equation, or what its paths look like, holds in measured time")
        data = snapshots()
        gap = np.array([1.0, 2.5, 2.5])[np.searchsorted(data.times, data.t)]
        rates = {"growth": data.growth * gap, "velocity": data.velocity * gap[:, None]}
        even = Snapshots(
            data.x,
            np.searchsorted(data.times, data.t),
            data.space,
            "h",
            channels={**data.channels, **rates},
        )
        other, _ = trained(name, data=even)
        start = data.at(1.0)
        there = [simulate(model, start, [1.0, 1.5, 2.0, 3.25, 4.5], seed=0)]
        there += [simulate(other, start, [0.0, 0.5, 1.0, 1.5, 2.0], seed=0)]
        np.testing.assert_allclose(there[0].x, there[1].x, rtol=0, atol=1e-3 * data.spec.scale)
        np.testing.assert_allclose(there[0].log_weight, there[1].log_weight, rtol=0, atol=1e-3)
        assert dynamics(model).spec == data.spec

    def test_refuses_data_that_lack_what_it_needs(self, name):
        lacking = {
            DataRequirement.TIMES: snapshots((1.0,)),
            DataRequirement.COUNTS: snapshots(counted=False),
            DataRequirement.LINEAGE: snapshots(clones=False),
            DataRequirement.VELOCITY: snapshots(velocities=False),
            DataRequirement.MOMENTS: dataclasses.replace(moments(), unspliced=None),
            DataRequirement.LABELLING: dataclasses.replace(labelled(), pulse=None),
            DataRequirement.PERTURBATION: dataclasses.replace(snapshots(), space=AffineSpace.of_genes("ABC")),
            DataRequirement.SECOND_MOMENTS: dataclasses.replace(moments(), spliced_squared=None),
        }
        words = {
            DataRequirement.TIMES: "cells at two or more times",
            DataRequirement.COUNTS: "a state that decodes to counts .*",
            DataRequirement.LINEAGE: "lineage barcodes",
            DataRequirement.VELOCITY: "an RNA velocity of each cell",
            DataRequirement.SECOND_MOMENTS: "second moments .*",
            DataRequirement.PERTURBATION: r"a perturbation design .*",
            DataRequirement.LABELLING: r"new \(labelled\) and total RNA .*",
            DataRequirement.MOMENTS: "unspliced and spliced RNA of velocity genes .*",
        }
        for need in registry.find(name.split()[0]).needs & set(lacking):
            with pytest.raises(ValueError, match=f"needs {words[need]}.*, which these data do not have"):
                fit(built(name, lacking[need]), lacking[need], TrainConfig(steps=2, batch_size=4))


def test_every_capability_belongs_to_a_model():
    found = frozenset().union(*(capabilities(registry.find(name)) for name in registry.names()))
    assert {"velocity", "noise", "score", "potential", "coupling", "sampler"} <= found <= set(CAPABILITIES)
