"""A screen of genes on the page Perturb."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from cellflow_core.analysis.results.knock_outs import HALVES, MEAN, STILL, KnockOutScores
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs import analysis_pool
from cellflow_core.runs.run import Run
from tests import examples, toys
from tests.example_screen import screen
from tests.pages.test_pages import opened
from tests.pages.test_views import trained

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def run() -> Run:
    return trained(AffineSpace.of_genes(("Gata1", "Spi1")))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page asked for; the answer is made up."""
    heard: list[tuple[str, dict[str, Any]]] = []

    def ask(question: str, run_id: str, **settings: Any) -> Future:
        heard.append((question, settings))
        ready: Future = Future()
        ready.set_result(screen())
        return ready

    monkeypatch.setattr(analysis_pool, "submit_analysis", ask)
    return heard


@pytest.mark.usefixtures("common_box")
def test_a_screen_asks_for_its_genes_when_it_is_started(run: Run, asked: list[tuple[str, dict[str, Any]]]) -> None:
    page = opened("perturb", run=run.id, ask="Screen of many genes", screen_genes="Named")
    assert not asked
    page.multiselect(key="screened").set_value(["Spi1", "Gata1"]).run()
    (start,) = [each for each in page.button if each.label == "Screen these genes"]
    start.click().run()
    assert not page.exception and not page.error
    _, settings = asked[-1]
    assert settings["genes"] == ("Spi1", "Gata1") and settings["kind"] == "knock-out"
    assert any(
        "lowered by Gata1" in each.value for each in (*page.markdown, *page.subheader, *page.success, *page.info)
    )
    page.text_input(key="screen_filter").set_value("klf").run()
    (table,) = [each.value for each in page.dataframe if "not perturbed because" in each.value]
    assert table["gene"].tolist() == ["Klf1"]


def test_measured_knock_outs_stand_beside_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data hold a design: scores of all rows, targets, and the genes of one."""
    made = KnockOutScores(
        rows=("OT-CFM", STILL, MEAN, HALVES),
        targets=("Gata1", "Spi1"),
        genes=("Gata1", "Spi1"),
        scores=np.tile(np.array([0.2, 0.0, 0.1, 0.9])[:, None, None], (1, 2, 3)),
        measured=np.array([[-1.0, 0.5], [0.2, -1.0]]),
        predicted=np.array([[-1.0, 0.4], [0.0, -1.0]]),
        cells=np.array([40.0, 50.0]),
        changed=np.array([1.0, 0.0]),
        notes=("seen in training",),
    )
    ready: Future = Future()
    ready.set_result(made)
    monkeypatch.setattr(analysis_pool, "submit_analysis", lambda question, run_id, **settings: ready)
    points, t = examples.cells(120)
    design = {gene: (np.arange(120) % 3 == k).astype(float) for k, gene in enumerate(made.genes)}
    cells = Snapshots(points, t, AffineSpace.of_genes(made.genes), "days", channels={"perturbation": design})
    run = toys.finished(toys.recipe(toys.stored(cells), model="i-cfm"))
    page = opened("perturb", run=run.id, look="What a model predicts", ask="Against measured knock-outs")
    assert not page.exception
    assert any("predicts them better than the mean" in each.value for each in (*page.markdown, *page.subheader))
    assert [len(each.value) for each in page.dataframe][:2] == [4, 2]


def test_a_knock_down_is_asked_for_and_names_are_read_in_any_case(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, Any]] = []

    def ask(question: str, run_id: str, **settings: Any) -> Future:
        heard.append(settings)
        ready: Future = Future()
        ready.set_result(examples.perturbation() if question == "perturb" else examples.course())
        return ready

    monkeypatch.setattr(analysis_pool, "submit_analysis", ask)
    page = opened("perturb", run=run.id, gene="spi1")
    assert any("spi1 is read as Spi1" in each.value for each in page.caption)
    page.slider(key="strength").set_value(50).run()
    asked = [each for each in heard if "genes" in each]
    assert asked[0]["genes"] == ("Spi1",) and (asked[0]["kind"], asked[0]["level"]) == ("knock-out", None)
    assert asked[-1]["kind"] == "knock-down" and np.isfinite(asked[-1]["level"]).all()
