"""The page on RNA velocity: agreement first, arrows where there may be some, phase portraits, and other data."""

from __future__ import annotations

import json

import pytest

from cellflow_core.data import store
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.steps.derive import derive
from cellflow_core.figures.fields.root_and_end_marks import LEGEND
from pages.parts.views.view import CHOOSE
from tests import toys
from tests.pages.explore.test_flow import packed_head
from tests.pages.test_pages import opened
from tests.unit.data.steps import test_labelled, test_moments

pytestmark = pytest.mark.usefixtures("quiet", "home")
FEW = {"min_r2": -1.0, "min_slope": 0.0, "components": 10}


def run_on(simulator: str, **settings):
    made = simulate(simulator, {"cells_per_time": 200, **settings})
    data = derive(made, "moments", FEW)
    recipe = toys.recipe(data, model="consistent-velocity", settings={}, training={"steps": 1})
    return toys.finished(recipe)


def signs(page) -> dict[str, int]:
    """How many root and end states the picture marks."""
    (figure,) = (json.loads(each.proto.spec) for each in page.get("plotly_chart")[:1])
    return {each["name"]: len(each["text"]) for each in figure["data"] if each.get("name") in LEGEND.values()}


def words(page) -> str:
    kinds = (page.markdown, page.caption, page.info, page.warning)
    return " ".join(each.value for kind in kinds for each in kind)


def test_agreement_leads_and_genes_have_portraits():
    run = run_on("splicing-bifurcation", genes=20)
    page = opened("velocity", run=run.id)
    assert not page.exception and not page.error
    shown = words(page)
    assert "of the cells have an arrow" in shown and "3 estimators agree" in shown
    assert "A coherent field is not a right one" in shown and "One order of the cells explains" in shown
    assert "Root and end states by true fate, found: the order begins in undecided and ends in" in shown
    (genes,) = (each.value for each in page.dataframe if "gene" in each.value)
    assert "permutation score" not in genes
    assert len(genes) == 20 and genes["R² of the line"].dtype.kind == "f"
    page.segmented_control(key="by").set_value("diffusion pseudotime").run()
    page.segmented_control(key="style").set_value("particles").run()
    head = packed_head(page, "velocity_particles")
    assert head["legend"]["title"] == "diffusion pseudotime" and head["stream"]
    assert head["count"] == store.open_dataset(run.recipe.dataset).info.cells
    page.segmented_control(key="by").set_value("group true fate").run()
    assert "undecided" in packed_head(page, "velocity_particles")["legend"]["names"]
    page.query_params["outline"] = "pca -99,-99 99,-99 99,99 -99,99"
    page.run()
    assert len(packed_head(page, "velocity_particles")["outline"]) == 4 and "cells outlined" in words(page)
    page.segmented_control(key="style").set_value("streams").run()
    assert json.loads(page.get("plotly_chart")[0].proto.spec)["layout"]["shapes"][0]["type"] == "path"
    page.button(key="clear_selection").click().run()
    assert CHOOSE in words(page) and "outline" not in page.query_params
    page.segmented_control(key="group").set_value("true fate").run()
    page.selectbox(key="apart").set_value("true fate").run()
    assert "Fitted apart, " in words(page) and "cosine with the fit to all cells" in next(
        each.value for each in page.dataframe if "true fate" in each.value
    )
    page.selectbox(key="gene_shown").set_value("Shared2").run()
    assert not page.exception and "Shared2 rises in" in words(page) and "Rates by RNA velocity cons" in words(page)


def test_a_fit_tells_by_permutation_whether_it_depends_on_the_cells():
    data = derive(simulate("splicing-bifurcation", {"cells_per_time": 200, "genes": 12}), "moments", FEW)
    training = {"steps": 150, "batch_size": 64}
    run = toys.finished(toys.recipe(data, model="velovi", settings={"width": 32}, training=training))
    page = opened("velocity", run=run.id)
    assert not page.exception and not page.error
    assert "Permutation score of" in words(page) and "Shuffled within 3 groups of true fate" in words(page)
    (genes,) = (each.value for each in page.dataframe if "gene" in each.value)
    scores = genes["permutation score"]
    assert scores.dtype.kind == "f" and len(scores) == 12 and scores.max() > 3
    high, low = (genes["gene"][k] for k in (scores.idxmax(), scores.idxmin()))
    page.selectbox(key="gene_shown").set_value(high).run()
    assert "above what chance gives" in words(page) and f"{scores.max():.1f}" in words(page)
    page.selectbox(key="gene_shown").set_value(low).run()
    assert f"Permutation score of {low}" in words(page)


def test_root_and_ends_are_found_or_chosen_by_hand_as_on_fates():
    run = run_on("splicing-bifurcation", genes=20)
    page = opened("velocity", run=run.id)
    assert "Root and end states by true fate, found: the order begins in undecided" in words(page)
    assert signs(page) == {"root state": 1, "end states": 1}
    page.segmented_control(key="roots").set_value("chosen").run()
    page.selectbox(key="states").set_value("true fate").run()
    page.selectbox(key="start").set_value("undecided").run()
    page.multiselect(key="ends").set_value(["A", "B"]).run()
    assert not page.exception and not page.error
    shown = words(page)
    assert "with true fate = undecided. Ends, with the share of these cells" in shown
    assert signs(page) == {"root state": 1, "end states": 2}
    assert "root 0." in shown and ", A 0." in shown and "The arrows run against" not in shown
    page.selectbox(key="start").set_value("A").run()
    page.multiselect(key="ends").set_value(["undecided"]).run()
    assert not page.exception and "The arrows run against this choice" in words(page)


def test_nothing_moves_so_nothing_is_drawn():
    page = opened("velocity", run=run_on("unchanging-population", genes=20, groups=3).id)
    assert not page.exception and page.warning and any(each.value.startswith("A coherent") for each in page.markdown)


def test_other_data_say_what_is_missing():
    data = toys.stored()
    run = toys.finished(toys.recipe(data, model="i-cfm"))
    page = opened("velocity", run=run.id)
    assert not page.exception
    assert "Train a model on velocity genes and moments" in words(page)


def test_a_second_rise_of_transcription_is_warned_of():
    page = opened("velocity", run=run_on("transcriptional-boosting", genes=20).id)
    assert not page.exception and not page.error
    assert "Do not rely on the arrows: transcription rises a second time in 8 of the 20 genes" in words(page)
    (genes,) = (each.value for each in page.dataframe if "gene" in each.value)
    marked = genes["gene"][genes["transcription rises twice"] == "yes"]
    assert sorted(marked) == [f"Boosted{k + 1}" for k in range(8)]


def test_labelled_cells_are_shown_where_their_velocity_is():
    data = derive(test_labelled.measured(), "labelled", test_labelled.GIVEN)
    run = toys.finished(toys.recipe(data, model="labelled", settings={"latent": 2}, training={"steps": 4}))
    page = opened("velocity", run=run.id)
    assert not page.exception and "The velocity of labelled RNA is on Flow" in words(page)


def test_a_stochastic_equation_of_labelled_cells_is_simulated_without_times():
    data = derive(derive(test_labelled.measured(), "labelled", test_labelled.GIVEN), "clusters", {})
    run = toys.finished(toys.recipe(data, model="labelled-sde", settings={"latent": 2}, training={"steps": 6}))
    page = opened("landscape", run=run.id)
    assert not page.exception and not page.error
    page = opened("fates", run=run.id)
    page.segmented_control(key="count").set_value("Simulation").run()
    assert not page.exception and not page.error and "runs with noise" in words(page)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [({"unspliced": None}, "has no layer 'unspliced'"), ({}, "no velocity genes yet: take the step")],
)
def test_a_model_of_other_axes_says_what_the_layers_lack(layers, sentence):
    data = derive(test_moments.measured(**layers), "state", {"axes": 4, "variable_genes": 20})
    recipe = toys.recipe(data, model="sctour", settings={}, training={"steps": 3, "batch_size": 32})
    page = opened("velocity", run=toys.finished(recipe).id)
    assert not page.exception and sentence in words(page)


def test_a_click_gives_the_velocity_to_the_cells_before():
    run = run_on("splicing-bifurcation", genes=20)
    parent = store.open_dataset(run.recipe.dataset).info.parent
    page = opened("velocity", run=run.id)
    assert page.selectbox(key=f"use_in_{run.id}").value == parent
    assert "A coherent field is not a right one" in words(page)
    page.button(key="use_velocity").click().run()
    assert not page.exception and not page.error
    made = next(each for each in store.datasets() if each.parent == parent and each.recipe[-1]["step"] == "velocity")
    assert DataRequirement.VELOCITY in made.has and run.id in made.steps[-1]
    assert made.recipe[-1]["settings"]["units"] == "expression"
    data = opened("data", dataset=made.id)
    assert any(run.id in each.value for each in data.markdown)
    data.button(key="undo_step").click().run()
    assert data.query_params["dataset"] in (parent, [parent]) and not data.exception


def test_without_linear_axes_the_velocity_cannot_be_used():
    recipe = toys.recipe(
        derive(test_moments.measured(), "moments", test_moments.FEW),
        model="consistent-velocity",
        settings={},
        training={"steps": 1},
    )
    page = opened("velocity", run=toys.finished(recipe).id)
    assert not page.exception and "no data set here has them" in words(page)
