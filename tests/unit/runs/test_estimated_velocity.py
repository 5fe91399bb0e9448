"""The velocity of a run in the axes of the data set before: against differences, by name, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.cli import main
from cellflow_core.data import store
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.velocity import velocity_of_moments
from cellflow_core.runs import estimated_velocity, index
from tests import toys
from tests.unit.data.steps.test_moments import FEW, measured

RNG = np.random.default_rng(0)
GENES = tuple(f"G{k}" for k in range(8))
LEVELS, RATES = RNG.gamma(2.0, 3.0, (50, 8)), RNG.normal(size=(50, 8))


def trained_on(id: str, model: str = "steady-state") -> str:
    return toys.finished(toys.recipe(id, model=model, settings={}, training={"steps": 1})).id


def components(timed: bool = False) -> str:
    """Cells with both layers in principal components of log(1 + counts)."""
    return derive(measured(timed=timed), "state", {"axes": 5, "variable_genes": 20})


@pytest.mark.parametrize("kind", ["genes", "pca"])
@pytest.mark.parametrize("units", ["counts", "expression"])
def test_the_velocity_is_that_of_the_axes_whatever_the_total_of_a_cell(kind: str, units: str):
    """Against the cells a little later, whose expression is of counts brought to three times the total."""

    def expression(s: np.ndarray) -> np.ndarray:
        return np.log1p(3 * s) if units == "counts" else 3 * s

    x, now = (expression(LEVELS).astype(np.float32),) * 2
    space: StateSpace = AffineSpace.of_genes(GENES)
    if kind == "pca":
        x, space = pca(now, GENES, 4)
    about = {"label": "cells", "origin": "upload", "source": "f", "expression": now, "expression_genes": GENES}
    dataset = store.open_dataset(store.save_dataset(Snapshots(x, None, space), **about))
    found = velocity_of_moments(dataset, GENES, LEVELS, RATES, units, "mine").snapshots.velocity
    later = (space.encode(expression(LEVELS + 1e-5 * RATES)) - space.encode(expression(LEVELS))) / 1e-5
    assert found is not None
    np.testing.assert_allclose(found, later, atol=2e-3)


def test_a_run_gives_its_velocity_to_the_cells_it_was_made_from():
    parent = components()
    run = index.open_run(trained_on(derive(parent, "moments", FEW)))
    assert [each.id for each in estimated_velocity.targets(run)] == [parent]
    made = store.open_dataset(estimated_velocity.use_velocity(run.id, parent, "counts"))
    data = made.snapshots()
    assert DataRequirement.VELOCITY in data.has and made.info.parent == parent and data.space.kind == "pca"
    np.testing.assert_array_equal(data.x, store.open_dataset(parent).snapshots().x)
    assert run.id in made.info.steps[-1] and "Steady-state RNA velocity" in made.info.steps[-1]
    assert made.info.recipe[-1]["settings"]["source"] == f"Steady-state RNA velocity, run {run.id}"
    assert any("Every cell has a velocity" in each for each in made.info.notes)
    assert any("18 of 20 genes" in each for each in made.info.notes)
    assert next(each.id for each in store.ancestors(made.info)) == parent
    assert [each.id for each in estimated_velocity.targets(run)] == [parent]
    other = derive(parent, "state", {"axes": 3, "variable_genes": 20})
    assert [each.id for each in estimated_velocity.targets(run)] == [parent, other]


def test_a_field_model_learns_from_the_velocity_of_a_run():
    parent = components()
    made = estimated_velocity.use_velocity(trained_on(derive(parent, "moments", FEW)), parent, "counts")
    recipe = toys.recipe(made, model="dynamo", settings={"control_points": 40}, training={"steps": 1})
    assert toys.finished(recipe).status().state == "done"


def test_simulated_rna_is_used_as_it_is_and_points_where_it_truly_goes():
    parent = simulate("splicing-bifurcation", {"cells_per_time": 300, "genes": 20})
    every = {"min_r2": -1.0, "min_slope": 0.0, "components": 10}
    run = trained_on(derive(parent, "moments", every), "consistent-velocity")
    units = estimated_velocity.usual_units(store.open_dataset(parent).info)
    made = store.open_dataset(estimated_velocity.use_velocity(run, parent, units)).snapshots().velocity
    truth = store.open_dataset(parent).snapshots().velocity
    assert units == "expression" and made is not None and truth is not None
    size = np.linalg.norm(made, axis=1) * np.linalg.norm(truth, axis=1)
    assert np.median((made * truth).sum(axis=1) / size) > 0.8
    assert estimated_velocity.usual_units(store.open_dataset(components()).info) == "counts"


def test_what_cannot_be_used_is_one_sentence(capsys):
    parent = components()
    moments = derive(parent, "moments", FEW)
    run = trained_on(moments)
    half = derive(parent, "subset", {"by": "label", "label": "kind", "values": "x"})
    plain = toys.finished(toys.recipe(toys.stored(), model="i-cfm")).id
    for line, sentence in (
        ([half, "--run", run], "does not hold the 160 cells"),
        ([moments, "--run", run], f"({parent})"),
        ([parent, "--run", plain], "was not trained on unspliced and spliced RNA"),
        ([parent, "--run", "nope"], "there is no run 'nope'"),
        ([parent], "give one of them"),
        ([parent, "v.npy", "--run", run], "give one of them"),
    ):
        assert main(["data", "use-velocity", *line]) == 2
        assert sentence in capsys.readouterr().err.splitlines()[-1]
    assert main(["data", "use-velocity", parent, "--run", run]) == 0
    assert store.open_dataset(capsys.readouterr().out.strip()).info.parent == parent


def test_axes_that_are_not_linear_are_no_target():
    run = index.open_run(trained_on(derive(measured(), "moments", FEW)))
    assert estimated_velocity.targets(run) == ()
    with pytest.raises(ValueError, match="make such axes"):
        estimated_velocity.use_velocity(run.id, run.recipe.dataset, "counts")
