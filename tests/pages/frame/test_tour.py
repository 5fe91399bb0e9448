"""The tour on the demo goes over its pages, waits for the model, is held in the link, and can be left anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from cellflow_core.jobs import supervisor
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.training import demo
from pages.parts.training.tour import STEPS
from tests import toys
from tests.pages.frame.test_sides import go, link
from tests.pages.test_views import asked, opened  # noqa: F401 - asked is a fixture of these tests too

pytestmark = pytest.mark.usefixtures("asked")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A trained model that stands for that of the demo."""
    found = toys.finished(toys.recipe(toys.stored(toys.drifting(cells=40), label="demo"), label="model of the demo"))
    monkeypatch.setattr(demo, "DATASET", found.recipe.dataset)
    monkeypatch.setattr(demo, "run_of_demo", lambda: found)
    return found


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Where the tour led: page and link. These tests cannot follow it, and open it themselves."""
    found: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(st, "switch_page", lambda page, query_params: found.append((Path(page).stem, query_params)))
    return found


def test_the_tour_goes_through_its_pages_and_back(run: Run, went: list) -> None:
    opened("learn").button(key="learn_tour").click().run()
    for k, step in enumerate(STEPS):
        name, query = went[-1]
        page = opened(name, **query)
        assert name == step.page and query["tour"] == str(k + 1)
        text = next(each.value for each in page.markdown if each.value.startswith("**Tour"))
        assert step.title in text and any(step.limit in each.value for each in page.markdown)
        if step.page in ("landscape", "flow", "genes"):
            assert query["run"] == run.id
        if k + 1 < len(STEPS):
            page.button(key="tour_next").click().run()
    page.button(key="tour_back").click().run()
    assert went[-1] == ("perturb", {"dataset": run.recipe.dataset, "run": run.id, "tour": str(len(STEPS) - 1)})


def test_it_is_taken_up_again_from_another_page_and_left(run: Run, went: list) -> None:
    page = opened("flow", run=run.id, tour="4")
    go(page, "train")
    assert link(page)["tour"] == "4" and not any(STEPS[3].limit in each.value for each in page.markdown)
    page.button(key="tour_on").click().run()
    assert went == [("flow", {"run": run.id, "tour": "4"})]
    page.button(key="tour_leave").click().run()
    go(page, "flow")
    assert "tour" not in link(page) and not [each for each in page.button if each.key == "tour_next"]
    assert "tour" not in link(opened("flow", run=run.id, tour="nonsense"))


def test_it_waits_for_a_model_that_is_not_trained_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda *_: None)
    waiting = index.submit(toys.recipe(toys.stored(toys.drifting(cells=40), label="demo")))
    monkeypatch.setattr(demo, "DATASET", waiting.recipe.dataset)
    page = opened("runs", tour="2")
    assert page.button(key="tour_next").disabled and "about a minute" in " ".join(each.value for each in page.caption)
