"""What the pages look at: kept from page to page, restored from the link, and always what is drawn."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.jobs import analysis_pool
from cellflow_core.runs.run import Run
from pages.parts.widgets import page_link, selectors
from pages.parts.widgets.selectors import VIEWS
from tests import ROOT, examples, toys
from tests.pages.test_views import ANSWERS, asked, message, opened  # noqa: F401 - asked is a fixture of these tests too

EXPLORE = ("landscape", "flow", "time", "fates", "genes", "perturb")
pytestmark = pytest.mark.usefixtures("asked")


def trained(label: str, **changes) -> Run:
    id = toys.stored(toys.drifting(cells=40), label=label)
    return toys.finished(toys.recipe(id, label=f"model of {label}", **changes))


def go(page: AppTest, name: str) -> AppTest:
    page.switch_page(str(ROOT / "pages" / f"{name}.py")).run()
    assert not page.exception, page.exception
    return page


def test_every_page_names_the_run_that_it_shows(asked: list) -> None:  # noqa: F811
    runs = [trained("one"), trained("two")]
    page = opened("flow", run=runs[0].id)
    for run in (runs[0], runs[1]):
        go(page, "flow")
        page.selectbox(key="pick_run").set_value(run.id).run()
        for name in (*EXPLORE, *EXPLORE):
            go(page, name)
            assert page.selectbox(key="pick_run").value == run.id, name
            assert page.query_params["run"] in (run.id, [run.id])
            assert name in ("genes", "perturb") or asked[-1][1] == run.id, name
        go(page, "data")
        assert page.selectbox(key="pick_dataset").value == run.recipe.dataset


def test_another_data_set_forgets_what_belonged_to_the_one_before() -> None:
    first, second = trained("one"), trained("two")
    page = opened("flow", run=first.id, time="0.5")
    assert page.select_slider(key="time_shown").value == 0.5
    go(page, "time")
    assert page.select_slider(key="time_shown").value == 0.5
    page.selectbox(key="pick_run").set_value(second.id).run()
    assert "time" not in page.query_params
    go(page, "data")
    page.selectbox(key="pick_dataset").set_value(first.recipe.dataset).run()
    go(page, "flow")
    assert page.selectbox(key="pick_run").value == first.id


def test_a_time_outside_the_data_is_said() -> None:
    run = trained("one")
    for asked_for in ("99", "nonsense"):
        page = opened("flow", run=run.id, time=asked_for)
        assert asked_for in page.warning[0].value and "day 2" in page.warning[0].value
    assert not opened("flow", run=run.id, time="1.1").warning


def test_a_deleted_run_does_not_become_one_of_another_data_set(asked: list) -> None:  # noqa: F811
    gone, other = trained("one"), trained("two")
    data = gone.recipe.dataset
    gone.delete()
    page = opened("flow", run=gone.id)
    assert gone.id in page.warning[0].value and page.selectbox(key="pick_run").value is None and not asked
    page.selectbox(key="pick_run").set_value(other.id).run()
    assert asked[-1][1] == other.id
    same = toys.finished(toys.recipe(data, label="same data", seed=1))
    page = opened("flow", run=gone.id)
    assert page.selectbox(key="pick_run").value == same.id and "Shown instead is same data" in message(page)


def test_a_data_set_without_a_model_does_not_show_another_one(asked: list) -> None:  # noqa: F811
    trained("one")
    page = opened("data", dataset=toys.stored(toys.drifting(times=4), label="new cells"))
    go(page, "flow")
    assert page.header[0].value == "No model is trained on new cells yet" and not asked


def test_runs_of_a_comparison_do_not_flood_the_list() -> None:
    run = trained("one")
    copies = [
        toys.finished(toys.recipe(run.recipe.dataset, label=f"compared {seed}", group="c", hold_out=1.0, seed=seed))
        for seed in (1, 2)
    ]
    assert len(opened("flow").selectbox(key="pick_run").options) == 1
    assert opened("flow", run=copies[0].id).selectbox(key="pick_run").value == copies[0].id


def test_the_outline_of_a_link_selects_cells(asked: list) -> None:  # noqa: F811
    run = trained("one")
    page = opened("landscape", run=run.id, outline="pca -1,-1 1,-1 1,1 -1,1")
    assert asked[0][2]["roll"] == ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    page = opened("fates", run=run.id, part="One cell", outline="pca -1,-1 1,-1 1,1 -1,1")
    assert page.query_params["outline"] in ("pca -1,-1 1,-1 1,1 -1,1", ["pca -1,-1 1,-1 1,1 -1,1"])
    page.button(key="clear_selection").click().run()
    assert "outline" not in page.query_params
    assert "No cells" not in message(opened("landscape", run=run.id, outline="pca 1,2"))


def test_how_a_page_is_looked_at_is_kept_while_others_are_opened() -> None:
    run = trained("one")
    page = opened("flow", run=run.id, by="Nothing", style="Grid")
    assert page_link.NAMES.isdisjoint({"by", "style"})
    assert page.session_state["looks"] == {"flow": {"by": ["Nothing"], "style": ["Grid"]}}
    go(page, "data")
    shown = page.session_state["looks"]
    assert shown["flow"]["style"] == ["Grid"] and "data" not in shown


def test_copies_without_a_time_are_no_models_of_their_own() -> None:
    run = trained("one")
    copy = toys.finished(toys.recipe(run.recipe.dataset, label="copy", group="g", hold_out=1.0))
    assert opened("flow").selectbox(key="pick_run").options == ["model of one"]
    assert opened("flow", run=copy.id).selectbox(key="pick_run").value == copy.id


def test_twins_are_told_apart_by_when_they_were_made() -> None:
    words = {"a": "OT-CFM", "b": "OT-CFM", "c": "OT-CFM", "d": "other"}
    made = {"a": "2026-11-30T14:05:10+00:00", "b": "2026-11-29T09:00:00+00:00", "c": "2026-11-29T09:00:59+00:00"}
    assert list(selectors.disambiguate(words, made).values()) == [
        "OT-CFM · 30 Nov 14:05 UTC",
        "OT-CFM · 29 Nov 09:00 UTC",
        "OT-CFM · 29 Nov 09:00 UTC (2)",
        "other",
    ]


def test_the_check_of_a_flow_ends_on_its_page(monkeypatch: pytest.MonkeyPatch, asked: list) -> None:  # noqa: F811
    from concurrent.futures import Future

    waiting: Future = Future()
    usual = analysis_pool.submit_analysis
    monkeypatch.setattr(
        analysis_pool,
        "submit_analysis",
        lambda question, *args, **settings: waiting if question == "course" else usual(question, *args, **settings),
    )
    page = opened("flow", run=trained("one").id)
    assert "is being calculated" in message(page)
    waiting.set_result(ANSWERS["course"]())
    page.run()
    assert "is being calculated" not in message(page) and examples.course is ANSWERS["course"]


def test_every_view_of_a_run_keeps_it_in_its_link():
    assert {page.removesuffix(".py") for page in VIEWS} <= {
        name for name, used in page_link.USED.items() if "run" in used
    }
