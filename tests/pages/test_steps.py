"""Going on from a data set on the Data page: forms of the steps, the way back, the trash."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps import registry
from tests.pages.test_pages import opened
from tests.toys import drifting, stored
from tests.unit.data.steps import test_labelled
from tests.unit.data.steps.test_moments import counts, measured

pytestmark = pytest.mark.usefixtures("quiet")

HOSTILE = "<b>x</b> [a](b)"


def moment(cells: int = 300) -> str:
    """A stored data set of one time, along a curve, with its early cells named."""
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 1, cells)
    x = np.stack([4 * place, np.sin(4 * place), 1 - place], axis=1) + 0.05 * rng.standard_normal((cells, 3))
    part = np.where(place < 0.1, "early", HOSTILE)
    data = Snapshots(
        x.astype(np.float32), np.zeros(cells), AffineSpace.of_genes(("A", "B", "C")), labels={"part": part}
    )
    return store.save_dataset(
        dataclasses.replace(data, covariates={"total": place, "unknown": np.full(cells, np.nan)}),
        label="one moment",
        origin="upload",
        source="f",
    )


def test_what_was_kept_of_the_file_stays_in_sight():
    data = drifting(cells=40)
    contents = (
        {"place": "obs: well", "content": "96 names", "kept": False, "reason": "96 different names"},
        {"place": "X", "content": "values", "kept": True, "reason": "the values of 2 features"},
    )
    id = store.save_dataset(data, label="kept", origin="upload", source="f", contents=contents)
    page = opened("data", dataset=id)
    assert "What is kept of the file: 1 of 2 parts" in [each.label for each in page.expander]
    (table,) = (each.value for each in page.dataframe if "as what, or why not" in each.value)
    kept, left_out = table.values.tolist()
    assert kept == ["yes", "X", "the values of 2 features"] and left_out == ["no", "obs: well", "96 different names"]


def form(id: str, step: str) -> AppTest:
    page = opened("data", dataset=id)
    page.selectbox(key=f"next_step_{id}").set_value(step).run()
    assert not page.exception and not page.error
    return page


def begun(page: AppTest) -> store.DatasetInfo:
    """What a click on the button of the step makes."""
    page.button(key="step_start").click().run()
    assert not page.exception and not page.error
    return store.open_dataset(str(page.selectbox(key="pick_dataset").value)).info


def test_cells_of_one_moment_are_ordered_and_trained_on_before_and_after():
    id = moment()
    page = opened("data", dataset=id)
    assert "measured at one moment" in " ".join(each.value for each in page.markdown)
    assert not page.button(key="train_on").disabled
    assert page.selectbox(key=f"next_step_{id}").value == "pseudotime"
    assert not [each for each in page.button if each.key == "step_start"]
    page.selectbox(key=f"root_group_{id}_part").set_value("early").run()
    made = begun(page)
    assert made.parent == id and len(made.times) == 5 and made.time_unit == "pseudotime"
    assert not page.button(key="train_on").disabled
    assert page.selectbox(key=f"next_step_{made.id}").value is None
    page.button(key="undo_step").click().run()
    assert not page.exception and page.selectbox(key="pick_dataset").value == id
    assert {each.id for each in store.datasets()} == {id, made.id}


def test_an_order_may_begin_at_a_marker_gene_or_an_outline():
    id = moment()
    page = form(id, "pseudotime")
    page.button_group(key=f"root_{id}").set_value("gene").run()
    page.selectbox(key=f"root_gene_{id}").set_value("C").run()
    assert "expression of C" in begun(page).steps[-1]
    page = form(id, "pseudotime")
    page.query_params["outline"] = "pca -9,-9 0,-9 0,9 -9,9"
    page.button_group(key=f"root_{id}").set_value("outline").run()
    assert "in an outline on the PCA view" in begun(page).steps[-1]


def test_a_subset_counts_before_it_is_made():
    data = drifting()
    kind = np.array(["a", "b", HOSTILE] * 60)
    id = stored(dataclasses.replace(data, labels={"kind": kind}))
    page = form(id, "subset")
    page.multiselect(key=f"subset_group_{id}_kind").set_value(["a", HOSTILE]).run()
    assert any("**120** of 180 cells would stay" in each.value for each in page.caption)
    assert begun(page).cells == 120
    page = form(id, "subset")
    page.button_group(key=f"subset_by_{id}").set_value("time").run()
    page.select_slider(key=f"subset_times_{id}").set_value((0.0, 1.0)).run()
    page.button_group(key=f"subset_keep_{id}").set_value("others").run()
    assert begun(page).times == (2.0,)


def test_growth_warns_before_numbers_are_believed():
    id = stored()
    page = form(id, "growth")
    assert not [each for each in page.button if each.key == "step_start"]
    page.toggle(key=f"growth_numbers_{id}").set_value(True).run()
    assert "60, 60, 60 cells as the sizes of the population" in page.warning[0].value
    assert DataRequirement.MASS in begun(page).has


def test_a_step_that_cannot_be_taken_is_one_sentence_and_the_page_stays():
    id = stored()
    page = form(id, "growth")
    page.toggle(key=f"growth_genes_{id}").set_value(True).run()
    page.button(key="step_start").click().run()
    assert not page.exception and len(page.error) == 1
    assert "genes of proliferation vary" in page.error[0].value
    assert page.button(key="delete_dataset")


@pytest.mark.parametrize("step", registry.names())
def test_every_step_has_a_form(step):
    page = form(demos.make("toggle"), step)
    assert page.selectbox(key="next_step_demo-toggle").value == step


def test_cells_are_coloured_by_numbers_labels_and_genes():
    id = moment()
    page = opened("data", dataset=id)
    for path in (("number", "total"), ("number", "unknown"), ("label", "part"), ("gene", "")):
        page.selectbox(key=f"colour_{id}").set_value(path).run()
        assert not page.exception and not page.error
    page.selectbox(key=f"gene_{id}").set_value("B").run()
    assert not page.exception


def test_the_trash_brings_back():
    id = stored(label=HOSTILE)
    store.delete(id)
    page = opened("data")
    page.button(key=f"restore_{id}").click().run()
    assert not page.exception and [each.id for each in store.datasets()] == [id]
    assert page.selectbox(key="pick_dataset").value == id and store.trashed() == ()


def test_the_chain_of_ancestors_ends_where_one_was_deleted():
    from cellflow_core.data.steps.derive import derive

    first = stored()
    second = derive(first, "subset", {"by": "time", "last": 1.0})
    third = derive(second, "subset", {"by": "time", "last": 0.5})
    info = store.open_dataset(third).info
    assert [each.id for each in store.ancestors(info)] == [second, first]
    store.delete(second)
    assert store.ancestors(info) == []
    page = opened("data", dataset=third)
    assert any("may be in the trash" in each.value for each in page.caption)


def test_cells_of_one_moment_are_offered_models_that_need_no_times():
    page = opened("train", dataset=moment())
    shown = " ".join(each.value for each in page.caption)
    assert "measured at one moment" in shown and "order the cells by pseudotime on the Data page" in shown
    assert page.radio(key="train_model").value == "sctour" and not page.button(key="train_start").disabled


def test_data_sets_of_one_name_are_told_apart_and_the_right_one_is_taken():
    first, second = moment(), moment()
    store.open_dataset(second).rename(store.open_dataset(first).info.label)
    page = opened("data", dataset=first)
    shown = page.selectbox(key="pick_dataset").options
    assert len(set(shown)) == len(shown) == 2 and all("one moment" in each for each in shown)
    assert page.selectbox(key="pick_dataset").value == first
    page.selectbox(key="pick_dataset").set_value(second).run()
    assert page.query_params["dataset"] in (second, [second]) and not page.exception


def test_cells_without_a_time_are_shown_and_say_what_they_lack():
    rng = np.random.default_rng(0)
    data = Snapshots(rng.normal(size=(60, 2)), None, AffineSpace.coordinates(("a", "b")))
    id = store.save_dataset(data, label="untimed", origin="upload", source="made here")
    page = opened("data", dataset=id)
    shown = " ".join(each.value for each in (*page.markdown, *page.caption))
    assert "The time of these cells is not known" in shown and "no known time" in shown
    assert any("time of these cells is not known" in each.value for each in opened("train", dataset=id).caption)
    assert "cannot test a model" in opened("compare", dataset=id).header[0].value


def test_layers_that_are_no_counts_leave_the_page_whole():
    page = opened("data", dataset=measured(unspliced=-np.ones((160, 20), np.float32)))
    assert not page.exception and any("below zero" in each.value for each in page.warning)


def test_layers_that_may_be_exchanged_are_asked_about_before_the_step_and_by_it():
    unspliced, spliced = counts()
    id = measured(unspliced=spliced + 2, spliced=unspliced)
    page = form(id, "moments")
    assert any("exchange the layers" in each.value for each in page.warning)
    page.button(key="step_start").click().run()
    (error,) = page.error
    assert "exchange the layers" in error.value and len(store.datasets()) == 1 and not page.exception


def test_velocity_genes_and_moments_are_made_and_shown():
    id = measured(timed=False)
    page = form(id, "moments")
    assert "of the RNA is unspliced" in " ".join(each.value for each in page.markdown)
    page.number_input(key=f"moments_{id}_neighbors").set_value(10)
    page.number_input(key=f"moments_{id}_more_min_r2").set_value(-1.0).run()
    made = begun(page)
    assert made.parent == id and made.space == "splicing" and made.times == ()
    assert any("18 of 20 genes are velocity genes" in each.value for each in page.markdown)
    (table,) = (each.value for each in page.dataframe if "why left out" in each.value)
    assert len(table) == 20 and sum(table["velocity gene"] == "yes") == 18


def test_new_rna_is_averaged_once_the_pulse_is_known():
    page = form(measured(), "labelled")
    assert any("no layers of new and total RNA" in each.value for each in page.info)
    id = test_labelled.measured()
    page = form(id, "labelled")
    page.number_input(key=f"labelled_{id}_pulse").set_value(2.0)
    page.number_input(key=f"labelled_{id}_more_neighbors").set_value(10).run()
    made = begun(page)
    assert made.parent == id and "in a pulse of 2 hour" in made.steps[-1]


def test_a_network_is_chosen_and_added_to_the_cells():
    id = moment()
    page = form(id, "network")
    assert page.selectbox(key=f"network_{id}_0").disabled and not [
        each for each in page.button if each.key == "step_start"
    ]
    page.file_uploader(key=f"network_file_{id}").set_value(
        ("mine.csv", b"source,target,weight\nA,B,1\nB,C,-1\n", "text/csv")
    )
    page.run()
    page.button(key="network_keep").click().run()
    assert not page.exception and not page.error
    assert page.selectbox(key=f"network_{id}_1").value == "mine.csv"
    page.button(key="step_start").click().run()
    assert not page.exception and not page.error
    (made,) = [each for each in store.datasets() if each.id != id]
    assert store.open_dataset(made.id).snapshots().network.weight.tolist() == [1, -1]


def test_a_square_of_genes_is_asked_who_acts_on_whom():
    id = moment()
    page = form(id, "network")
    square = b"g,A,B,C\nA,0,1,0\nB,0,0,0\nC,1,0,0\n"
    page.file_uploader(key=f"network_file_{id}").set_value(("square.csv", square, "text/csv"))
    page.run()
    page.button(key="network_keep").click().run()
    assert "say whether its rows are targets or sources" in page.error[0].value


@pytest.mark.parametrize("names", [True, False])
def test_the_page_tells_whether_cells_have_names(names: bool) -> None:
    named = [f"b{k}" for k in range(180)] if names else []
    id = store.save_dataset(drifting(), label="n", origin="upload", source="f", cell_names=named)
    captions = [each.value for each in opened("data", dataset=id).caption]
    assert ("Exports name the cells as the file does." in captions) == names
    assert any("have no names, so exports number them. Where their file" in each for each in captions) != names
