"""Models that order or link the cells of one snapshot: trained as any other, and shown where they have an answer."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.store import datasets
from tests import ROOT, toys
from tests.pages.explore.test_one_time import bistable

pytestmark = pytest.mark.usefixtures("quiet", "home")


def opened(name: str, model: str, **settings: str) -> tuple[AppTest, str]:
    data = dataclasses.replace(bistable(None), velocity=None)
    run = toys.finished(toys.recipe(toys.stored(data), model=model, settings=settings, training={"steps": 1}))
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    page.query_params["run"] = run.id
    page.switch_page(str(ROOT / "pages" / f"{name}.py"))
    page.run()
    assert not page.exception, page.exception
    kinds = (page.markdown, page.caption, page.info, page.warning, page.subheader, page.metric, page.error)
    return page, " ".join(each.value for kind in kinds for each in kind)


def test_fates_counts_the_transitions_of_a_population_balance():
    page, text = opened("fates", "pba", annotation="side", sources="left", sinks="right")
    assert not page.error, text
    assert "steady state" in text and "transitions" in text


@pytest.mark.parametrize(
    ("start", "words"),
    [("left", "these cells are on a cycle, or fill a region"), ("", "No root can be found from the data")],
)
def test_fates_draws_lineages_and_both_orders_where_no_root_is_known(start, words):
    page, text = opened("fates", "tscan", annotation="", start=start, start_annotation="side")
    assert not page.error, text
    assert "TSCAN (after Ji & Ji 2016) orders" in text.replace("\\", "") and words in text
    assert ("The order from the other end" in text) == (not start)


def test_landscape_draws_the_potential_of_a_population_balance():
    page, text = opened("landscape", "pba", annotation="side", sources="left", sinks="right")
    assert not page.error, text
    assert "steps along the transitions" in text and "potential V" in text
    page.segmented_control(key="height").set_value("quasi").run()
    assert not page.exception and any("long run" in each.value for each in page.caption)


@pytest.mark.parametrize("name", ["runs", "flow", "landscape"])
def test_a_model_that_moves_no_cells_is_listed_and_not_asked_for_more(name):
    page, text = opened(name, "tscan", annotation="", start="left", start_annotation="side")
    assert not page.error, text


def test_a_latent_time_can_stand_for_times() -> None:
    page, text = opened("time", "dpt")
    assert not page.error, text
    assert "No time is known here" in text and "an order has no unit and no speed" in text
    page.number_input(key="latent_windows").set_value(3).run()
    page.button(key="use_latent_time").click().run()
    assert not page.exception and not page.error
    (made,) = [each for each in datasets() if each.parent]
    assert len(made.times) == 3 and made.time_unit == "pseudotime"


def test_compare_holds_orders_against_each_other_and_against_stages():
    data = toys.stored(dataclasses.replace(bistable(None), velocity=None))
    for model in ("dpt", "tscan"):
        toys.finished(toys.recipe(data, model=model, settings={}, training={"steps": 1}))
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    page.query_params["dataset"] = data
    page.switch_page(str(ROOT / "pages" / "compare.py"))
    page.run()
    page.selectbox(key="orders_against").set_value("groups side").run()
    page.multiselect(key="orders_stages_side").set_value(["left", "right"])
    page.selectbox(key="orders_branches").set_value("side").run()
    page.multiselect(key="orders_ends_side").set_value(["left", "right"]).run()
    assert not page.exception and not page.error, page.error[0].value
    text = " ".join(each.value for each in (*page.markdown, *page.warning))
    assert "2 methods order these cells" in text and "which needs no method" in text
    rows = next(each.value for each in page.dataframe)
    assert rows["F1 of the branches"].notna().tolist() == [True, True, False, False]
    assert rows["order"].tolist()[-2:] == ["first principal component", "distance from the root"]
