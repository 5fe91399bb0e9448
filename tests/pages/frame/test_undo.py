"""What is asked for on Perturb and Courses is undone: levels, screens and regimens."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.spaces.affine import AffineSpace
from tests.pages.explore.test_courses import known, trained  # noqa: F401 - known is a fixture of these tests too
from tests.pages.explore.test_screen import asked, run  # noqa: F401 - fixtures of these tests too
from tests.pages.test_views import opened

pytestmark = pytest.mark.usefixtures("quiet")


def undo(page: AppTest, name: str = "undo") -> None:
    page.button(key=f"{name}_choice").click().run()
    assert not page.exception and not page.error


def test_levels_of_genes_are_undone_and_stand_in_the_link() -> None:
    from tests.pages.test_views import trained as of_cells

    page = opened("perturb", run=of_cells(AffineSpace.of_genes(("Gata1", "Spi1"))).id, gene="Spi1", strength="70")
    assert page.slider(key="strength").value == 70
    page.slider(key="strength").set_value(40).run()
    undo(page)
    assert page.slider(key="strength").value == 70
    page.segmented_control(key="change").set_value("over-expression").run()
    usual = page.slider(key="level_Spi1").value
    page.slider(key="level_Spi1").set_value(0.0).run()
    undo(page)
    assert page.slider(key="level_Spi1").value == usual
    undo(page, "redo")
    assert page.slider(key="level_Spi1").value == 0


@pytest.mark.usefixtures("common_box")
def test_a_screen_is_undone_and_started_again(run: Any, asked: list[tuple[str, dict[str, Any]]]) -> None:  # noqa: F811
    page = opened("perturb", run=run.id, ask="Screen of many genes", screen_genes="Named")
    page.multiselect(key="screened").set_value(["Spi1"]).run()
    page.button(key="screen_asked").click().run()
    page.multiselect(key="screened").set_value(["Spi1", "Gata1"]).run()
    page.button(key="screen_asked").click().run()
    assert asked[-1][1]["genes"] == ("Spi1", "Gata1")
    undo(page)
    assert asked[-1][1]["genes"] == ("Spi1",) and page.multiselect(key="screened").value == ["Spi1", "Gata1"]
    undo(page)
    assert page.multiselect(key="screened").value == ["Spi1"]
    undo(page)
    assert any("then start the screen" in each.value for each in page.info)
    undo(page, "redo")
    assert asked[-1][1]["genes"] == ("Spi1",) and not any("then start" in each.value for each in page.info)


def test_a_regimen_is_undone_with_its_link(known: Any) -> None:  # noqa: F811
    page = opened("courses", run=trained().id, part="Two regimens")
    usual = page.number_input(key="regimen_A_amount").value
    for amount in (50.0, 70.0):
        page.number_input(key="regimen_A_amount").set_value(amount)
        page.button(key="FormSubmitter:regimens-Compare").click().run()
    undo(page)
    assert page.number_input(key="regimen_A_amount").value == 50
    assert "amount=50" in str(page.query_params["A"])
    undo(page)
    assert page.number_input(key="regimen_A_amount").value == usual
    undo(page, "redo")
    assert page.number_input(key="regimen_A_amount").value == 50 and "amount=50" in str(page.query_params["A"])
