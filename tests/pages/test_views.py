"""The views through app.py: what they ask for, what they draw, and what they say where they cannot."""

from __future__ import annotations

import dataclasses
import importlib
import json
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cellflow_core.analysis.results import FateGenes
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.store import delete, open_dataset
from cellflow_core.jobs import analysis_pool, sandbox, supervisor
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.views import view
from tests import ROOT, example_groups, examples, toys


def fate_genes() -> FateGenes:
    value = np.array([[0.8, 0.1], [-0.7, 0.2]])
    counted = np.array([[3, 1], [2, 2]])
    return FateGenes(
        ("Erythroid", "Myeloid"), ("Gata1", "Spi1"), ("A", "B", "C"), value, value - 0.1, value + 0.1, counted
    )


ANSWERS = {
    "landscape": examples.landscape,
    "barriers": example_groups.barriers,
    "least_action": example_groups.least_action,
    "flow": examples.flow,
    "course": examples.course,
    "trend": examples.trend,
    "composition": example_groups.composition,
    "fate_trends": example_groups.fate_trends,
    "fates": examples.fates,
    "fate_genes": fate_genes,
    "transition_fates": lambda: examples.fates(cells="cells", elsewhere=0.0),
    "futures": examples.futures,
    "clones": examples.clones,
    "ancestry": examples.ancestry,
    "perturb": examples.perturbation,
}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What the pages asked for. Answers are made up; what else a worker would do is done here."""
    heard: list[tuple[str, str, dict[str, Any]]] = []

    def answered(value: Any) -> Future:
        ready: Future = Future()
        ready.set_result(value)
        return ready

    def ask(question: str, run_id: str, **settings: Any) -> Future:
        heard.append((question, run_id, settings))
        return answered(ANSWERS[question]())

    def call(path: str, *args: Any, **kwargs: Any) -> Future:
        module, _, name = path.partition(":")
        return answered(getattr(importlib.import_module(module), name)(*args, **kwargs))

    st.cache_resource.clear()
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr(analysis_pool, "warm", lambda: None)
    monkeypatch.setattr(sandbox, "prestart", lambda: None)
    monkeypatch.setattr(analysis_pool, "submit_analysis", ask)
    monkeypatch.setattr(analysis_pool, "call", call)
    monkeypatch.setattr(analysis_pool, "submit_low_priority", call)
    # every view asks for this check besides what it was opened for
    monkeypatch.setattr(view, "roll_out", lambda *_: ANSWERS["course"]())
    return heard


def trained(space: StateSpace, model: str = "i-cfm", lineage: np.ndarray | None = None, **changes: Any) -> Run:
    """A finished run on the made-up cells, as genes or as coordinates; lineage: the clone of each of the 120."""
    points, t = examples.cells(120)
    kinds = np.where(points[:, 1] > 0, "up", "down")
    points = np.pad(points, ((0, 0), (0, space.dim - 2)))
    id = toys.stored(Snapshots(points, t, space, "days", labels={"type": kinds}, lineage=lineage))
    return toys.finished(toys.recipe(id, model=model, **changes))


@pytest.fixture
def run() -> Run:
    return trained(AffineSpace.of_genes(("Gata1", "Spi1")))


def opened(name: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.switch_page(str(ROOT / "pages" / f"{name}.py"))
    page.run()
    assert not page.exception, page.exception
    assert not page.error, [each.value for each in page.error]
    return page


def message(page: AppTest) -> str:
    return " ".join(each.value for each in (*page.markdown, *page.caption, *page.warning, *page.info))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("landscape", "65% of 600 simulated cells settle in the basin of Erythroid"),
        ("flow", "the fastest cells move"),
        ("fates", "62% Erythroid (55% to 69%), 38% Myeloid"),
        ("time", "day 2, which it never saw, predicted cells lie 0\\.36"),
        ("perturb", "Knocking out Gata1 takes"),
    ],
)
def test_a_view_opens_on_an_answer(name: str, words: str, run: Run) -> None:
    page = opened(name, run=run.id)
    assert words.replace("\\", "") in message(page).replace("\\", "")


def test_landscape_asks_for_the_last_time_of_the_chosen_run(run: Run, asked: list) -> None:
    opened("landscape", run=run.id)
    assert asked[0] == ("landscape", run.id, {"view": "pca", "kind": "quasi", "time": 4.0, "roll": (), "by": "type"})
    assert asked[1:] == [("barriers", run.id, {"view": "pca", "kind": "quasi", "time": 4.0, "by": "type"})]


def test_the_landscape_tells_its_barriers_and_trains_more_seeds_of_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened("landscape", run=run.id, colour="Share that is no gradient")
    assert "cells climb 2.5 (2 to 3 in 3 trainings)" in message(page)
    assert any("median (-log p)" in each.value for each in page.dataframe)
    assert "more_seeds" not in [each.key for each in page.button]
    made = example_groups.barriers()
    alone = example_groups.barriers(climb=made.climb[:1], found=made.found[:1], others=())
    monkeypatch.setitem(ANSWERS, "barriers", lambda: alone)
    page = opened("landscape", run=run.id)
    assert "One training" in message(page) and "three seeds or more" in message(page)  # trained alone: of no group
    one = trained(AffineSpace.of_genes(("Gata1", "Spi1")), group="g")
    opened("landscape", run=one.id).button(key="more_seeds").click().run()
    more = [each.recipe for each in index.siblings(one)]
    assert {each.seed for each in more} == {1, 2} and {each.content for each in more} == {
        dataclasses.replace(one.recipe, seed=seed).content for seed in (1, 2)
    }
    page = opened("landscape", run=one.id)
    assert "More seeds of this model are being trained" in message(page)


def test_flow_moves_to_the_time_of_the_link(run: Run, asked: list) -> None:
    opened("flow", run=run.id, time="3.25")
    assert ("flow", run.id, {"view": "pca", "time": 3.25}) in asked


def test_the_link_brings_back_view_gene_time_and_camera(run: Run, asked: list) -> None:
    opened("perturb", run=run.id, gene="Spi1", change="Over-express")
    assert asked[-1][2]["genes"] == ("Spi1",)
    assert asked[-1][2]["kind"] == "over-expression"
    page = opened("landscape", run=run.id, time="2", camera="1,2,3,0,0,-0.2")
    assert asked[-1][2]["time"] == 2.0
    assert page.session_state["landscape_3d_linked"][1]["eye"] == {"x": 1.0, "y": 2.0, "z": 3.0}


def test_time_shows_the_copy_that_never_saw_a_time(run: Run, asked: list) -> None:
    recipe = toys.recipe(run.recipe.dataset, group="together")
    first = toys.finished(recipe)
    copy = toys.finished(toys.recipe(run.recipe.dataset, group="together", hold_out=2.0))
    page = opened("time", run=first.id)
    assert ("course", copy.id, {"view": "pca", "start": "first"}) in asked
    assert "A copy of this model that never saw day 2" in message(page)


def test_perturb_asks_for_what_the_form_says(run: Run, asked: list) -> None:
    page = opened("perturb", run=run.id)
    page.segmented_control(key="change").set_value("over-expression").run()
    page.segmented_control(key="starts").set_value("label").run()
    page.selectbox(key="start_of_type").set_value("up").run()
    question, _, settings = asked[-1]
    assert question == "perturb"
    assert settings["genes"] in (("Gata1",), ("Spi1",))
    assert settings["kind"] == "over-expression"
    assert settings["level"] > 0
    assert settings["start_label"] == ("type", "up")


def test_perturb_asks_for_a_shift_of_the_start_and_says_what_it_is(run: Run, asked: list) -> None:
    page = opened("perturb", run=run.id, gene="Spi1", change="Shift")
    assert (asked[-1][2]["kind"], asked[-1][2]["level"]) == ("shift", -5.0)
    assert "then nothing is held" in message(page)
    page.slider(key="shift").set_value(2.5).run()
    assert asked[-1][2]["level"] == 2.5
    page.segmented_control(key="change").set_value("knock-out").run()
    assert (asked[-1][2]["kind"], asked[-1][2]["level"]) == ("knock-out", None)
    assert "held at its lowest level throughout" in message(page)


def test_a_gene_outside_the_model_is_said_plainly(run: Run, asked: list) -> None:
    page = opened("perturb", run=run.id, gene="Foxp3")
    assert "Foxp3 is not among the 2 genes of this model" in page.warning[0].value
    assert not [each for each in asked if each[0] == "perturb"]


def test_data_without_genes_cannot_be_perturbed_but_followed() -> None:
    run = trained(AffineSpace.coordinates(("a", "b")))
    assert "no genes to change" in opened("perturb", run=run.id).header[0].value
    assert "without genes" in opened("time", run=run.id).info[0].value


def test_a_page_opens_on_a_model_that_can_show_it(run: Run) -> None:
    later = trained(AffineSpace.of_genes(("Gata1", "Spi1")), model="genot")
    assert opened("perturb").selectbox(key="pick_run").value == run.id
    assert opened("fates").selectbox(key="pick_run").value == later.id
    page = opened("perturb", run=later.id)
    assert page.header[0].value == "GENOT (after Klein et al.) cannot show this"
    assert "Choose another trained model above, such as " in message(page)


def test_an_annotation_that_repeats_the_time_is_offered_last() -> None:
    points, t = examples.cells(120)
    labels = {"day": np.char.add("day ", t.astype(int).astype(str)), "type": np.where(points[:, 1] > 0, "up", "down")}
    id = toys.stored(Snapshots(points, t, AffineSpace.of_genes(("Gata1", "Spi1")), "days", labels=labels))
    run = toys.finished(toys.recipe(id, model="i-cfm"))
    page = opened("fates", run=run.id, part="A group")
    assert page.selectbox(key="states").options[1:] == ["Groups of “type”", "Groups of “day”"]
    assert page.selectbox(key="ancestry_by").value == "type"


def test_the_camera_saves_what_was_chosen(run: Run) -> None:
    page = opened("flow", run=run.id)

    def saved() -> set[str]:
        return {json.loads(each.proto.config)["toImageButtonOptions"]["format"] for each in page.get("plotly_chart")}

    assert saved() == {"png"}
    page.session_state["picture_format"] = "SVG"
    page.run()
    assert saved() == {"svg"} and not page.exception


def test_a_model_that_cannot_answer_says_what_it_is() -> None:
    run = trained(AffineSpace.of_genes(("Gata1", "Spi1")), model="genot")
    page = opened("perturb", run=run.id)
    assert page.header[0].value == "GENOT (after Klein et al.) cannot show this"
    assert "no field that drives the cells. This view needs the mean motion of cells" in message(page)
    assert message(page).count(", ") < 20 and " others." in message(page)


def test_a_model_that_follows_no_cell_has_no_landscape(asked: list) -> None:
    run = trained(toys.counted(), model="cfgen")
    page = opened("landscape", run=run.id)
    assert page.header[0].value == "CFGen cannot show this" and not asked
    assert "This view needs a model that tells what becomes of a cell." in message(page)
    assert "CFGen," not in message(page) and "others." in message(page)


def test_what_a_model_cannot_see_stands_beside_its_pictures(run: Run) -> None:
    simple = trained(AffineSpace.of_genes(("Gata1", "Spi1")), model="gaussian-sb", settings={})
    for name in ("landscape", "flow", "time", "fates", "perturb"):
        assert "it sees no branching" in message(opened(name, run=simple.id))
    assert "it sees no branching" not in message(opened("flow", run=run.id))


def test_data_that_are_gone_are_said(run: Run) -> None:
    delete(run.recipe.dataset)
    assert "are gone" in opened("flow", run=run.id).header[0].value


def test_names_of_the_user_are_never_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(AffineSpace.of_genes((examples.HOSTILE, "Spi1")))
    monkeypatch.setitem(ANSWERS, "perturb", lambda: examples.perturbation(genes=(examples.HOSTILE,)))
    page = opened("perturb", run=run.id)
    assert "\\<img" in message(page)
    assert "<img" not in message(page).replace("\\<img", "")


def test_a_umap_that_is_not_there_yet_is_made_when_it_is_chosen(run, asked):
    assert "umap" not in open_dataset(run.recipe.dataset).info.views
    opened("flow", run=run.id, view="umap")
    assert "umap" in open_dataset(run.recipe.dataset).info.views
    assert asked[-1][2]["view"] == "umap"


@pytest.mark.parametrize("name", ["velocity", "time"])
def test_a_view_says_what_the_data_lack(name: str) -> None:
    run = trained(AffineSpace.of_genes(("Gata1", "Spi1")))
    path = open_dataset(run.recipe.dataset).folder / "info.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"times": [], "counts": [], "has": []}))
    assert "cannot show this" in opened(name, run=run.id).header[0].value
