"""A screen of genes on the page Perturb."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs import analysis_pool
from cellflow_core.runs.run import Run
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


def test_a_screen_asks_for_its_genes_when_it_is_started(run: Run, asked: list[tuple[str, dict[str, Any]]]) -> None:
    page = opened("perturb", run=run.id, ask="Screen of many genes", screen_genes="Named")
    assert not asked
    page.multiselect(key="screen_named").set_value(["Spi1", "Gata1"]).run()
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
