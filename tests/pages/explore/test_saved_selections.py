"""A selection is saved under a name, is found on another page, and is an annotation there."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.store import open_dataset
from tests import ROOT, toys

pytestmark = pytest.mark.usefixtures("quiet")
SQUARE = "pca -9,-9 0.5,-9 0.5,9 -9,9"


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception and not app.error
    return app


def test_a_selection_is_saved_and_found_on_other_pages():
    run = toys.finished(toys.recipe(toys.stored()))
    page = opened("landscape", run=run.id, outline=SQUARE)
    page.text_input(key="save_name_pca").set_value("early ones").run()
    page.button(key="save_pca").click().run()
    assert not page.exception and not page.error
    assert "early ones" in open_dataset(run.recipe.dataset).info.annotations
    other = opened("fates", run=run.id, part="One cell")
    box = next(each for each in other.selectbox if each.label == "Saved selections")
    assert list(box.options) == ["early ones"]
    box.select("early ones").run()
    assert other.query_params["outline"][-1:] == [SQUARE] or other.query_params["outline"] == SQUARE
    assert run.status().state == "done"


@pytest.mark.parametrize("page", ["landscape", "flow", "time", "fates"])
def test_a_selection_is_drawn_and_taken_away_on_every_page_with_a_map(page: str) -> None:
    run = toys.finished(toys.recipe(toys.stored()))
    shown = opened(page, run=run.id, outline=SQUARE)
    assert any(" cells outlined." in each.value for each in shown.caption)
    shown.button(key="clear_selection").click().run()
    assert not shown.exception and "outline" not in shown.query_params
    assert not any("outlined" in each.value for each in shown.caption)
