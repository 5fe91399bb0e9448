"""Links to the views of a run: those that its model can answer on its data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.runs.run import Run
from pages.parts.widgets.selectors import VIEWS
from pages.parts.widgets.view_links import NEEDED, answered
from tests import toy_pk, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")
OF_CELLS = {"landscape", "flow", "time", "fates"}


def pages(run: Run) -> set[str]:
    return {each.removesuffix(".py") for each in answered(run)}


def test_a_model_of_cells_has_no_velocity_of_rna_and_no_courses() -> None:
    cells = toys.drifting()
    run = toys.finished(toys.recipe(toys.stored(cells)))
    assert pages(run) == OF_CELLS and {f"{each}.py" for each in NEEDED} == set(VIEWS)
    genes = replace(cells, space=AffineSpace.of_genes(("Gata1", "Spi1")))
    run = toys.finished(toys.recipe(toys.stored(genes, "genes")))
    assert pages(run) == OF_CELLS | {"genes", "perturb"}
    shown = {each.proto.page for each in opened("runs").get("page_link") if f"run={run.id}" in each.proto.query_string}
    assert shown >= {"flow", "genes"} and not shown & {"velocity", "courses"}
    order = toys.finished(toys.recipe(run.recipe.dataset, model="tscan", settings={"clusters": 4}, training={}))
    assert pages(order) == {"time", "fates", "genes"}


def test_a_model_of_individuals_has_courses_alone() -> None:
    study = simulate("pkpd", toy_pk.STUDY | {"subjects": 8, "n_times": 6, "n_doses": 1})
    training = {"steps": 1, "batch_size": 4, "validation_fraction": 0.25}
    run = toys.finished(toys.recipe(study, model="population-pk", settings={}, training=training))
    assert pages(run) == {"courses"}
