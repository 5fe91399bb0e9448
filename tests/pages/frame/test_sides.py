"""Two views side by side, and undo: on every page about a trained model, in the link, and kept over pages."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.widgets import side
from tests import toys
from tests.pages import test_state
from tests.pages.explore.test_layout import leaves
from tests.pages.test_state import EXPLORE, trained
from tests.pages.test_views import asked, opened  # noqa: F401 - asked is a fixture of these tests too

pytestmark = pytest.mark.usefixtures("asked")
PAIR = {"time": "0.5", "beside_it": "flow"}


def seeds() -> tuple[str, str]:
    """Two trainings of one recipe."""
    run = trained("one")
    return run.id, toys.finished(toys.recipe(run.recipe.dataset, label="second", seed=1)).id


def go(page: AppTest, name: str) -> AppTest:
    """As by a link of the sidebar: nothing of the link before is left."""
    page.query_params.clear()
    return test_state.go(page, name)


def link(page: AppTest) -> dict[str, str]:
    return {name: each[-1] if isinstance(each, list) else each for name, each in page.query_params.items()}


@pytest.mark.parametrize("name", EXPLORE)
def test_every_page_stands_beside_itself_with_another_model(name: str, asked: list) -> None:  # noqa: F811
    first, second = seeds()
    page = opened(name, run=first)
    page.selectbox(key="beside_shown").set_value(name).run()
    assert not page.exception and link(page)["beside_it"] == name
    assert page.selectbox(key="pick_run_right").value == first
    page.selectbox(key="pick_run_right").set_value(second).run()
    assert not page.exception, page.exception
    assert (link(page)["run"], link(page)["run_right"]) == (first, second)
    assert name in ("genes", "perturb") or {each[1] for each in asked[-4:]} == {first, second}
    page.selectbox(key="beside_shown").set_value("").run()
    assert not [each for each in link(page) if each.endswith(side.RIGHT)] and "beside_it" not in link(page)


def test_the_right_one_follows_the_left_until_it_has_a_choice_of_its_own(asked: list) -> None:  # noqa: F811
    first, second = seeds()
    page = opened("flow", run=first, run_right=second, **PAIR)
    page.segmented_control(key="style").set_value("grid").run()
    page.select_slider(key="time_shown").set_value(1.0).run()
    assert page.segmented_control(key="style_right").value == "grid"
    assert page.select_slider(key="time_shown_right").value == 1.0
    page.segmented_control(key="style_right").set_value("streams").run()
    page.select_slider(key="time_shown_right").set_value(1.5).run()
    page.segmented_control(key="style").set_value("particles").run()
    assert page.segmented_control(key="style_right").value == "streams"
    times = [settings["time"] for name, _, settings in asked if name == "flow"][-2:]
    assert times == [1.0, 1.5] and link(page)["time_right"] == "1.5"
    page.select_slider(key="time_shown_right").set_value(1.0).run()
    assert "time_right" not in link(page)


def test_another_page_stands_beside_and_the_link_opens_both(asked: list) -> None:  # noqa: F811
    first, second = seeds()
    page = opened("landscape", run=first, run_right=second, **PAIR)
    assert {("landscape", first), ("flow", second)} <= {each[:2] for each in asked}
    assert link(page) == {"run": first, "run_right": second, **PAIR}
    go(page, "fates")
    assert link(page)["beside_it"] == "flow" and link(page)["run_right"] == second
    go(page, "data")
    assert not {"beside_it", "run_right"} & set(link(page))


@pytest.mark.parametrize(("right", "names"), [("time", ["Flow", "Time"]), ("flow", ["Flow, first", "Flow, second"])])
def test_the_controls_of_each_half_begin_with_the_name_of_its_page(right: str, names: list[str]) -> None:
    first, second = seeds()
    page = opened("flow", run=first, run_right=second, beside_it=right)
    drawn = [each for each in leaves(page.main) if each.type in ("markdown", "selectbox")]
    before = [drawn[k - 1] for k, each in enumerate(drawn) if each.key in ("pick_run", "pick_run_right")]
    assert [each.value for each in before] == [f"**{each}**" for each in names]


def test_the_same_page_stays_the_same_page_beside_another_one() -> None:
    first, second = seeds()
    page = opened("flow", run=first, run_right=second, **PAIR)
    go(page, "time")
    assert link(page)["beside_it"] == "time" and link(page)["run_right"] == second


def test_one_side_that_cannot_be_shown_leaves_the_other(asked: list) -> None:  # noqa: F811
    first, second = seeds()
    page = opened("velocity", run=first, run_right=second, **PAIR)
    assert ("flow", second) in {each[:2] for each in asked} and not page.exception
    page = opened("flow", run=first, beside_it="nonsense")
    assert page.selectbox(key="beside_shown").value == "" and not page.exception


def test_choices_are_undone_and_chosen_again() -> None:
    first, second = seeds()
    page = opened("flow", run=first)
    assert page.button(key="undo_choice").disabled and page.button(key="redo_choice").disabled
    steps = [
        lambda: page.segmented_control(key="style").set_value("grid"),
        lambda: page.select_slider(key="time_shown").set_value(1.5),
        lambda: page.selectbox(key="pick_run").set_value(second),
        lambda: page.selectbox(key="beside_shown").set_value("flow"),
    ]

    def shown() -> tuple[dict[str, str], object]:  # who writes a style into the link differs: the browser, or an undo
        return {n: v for n, v in link(page).items() if not n.startswith("style")}, page.segmented_control(
            key="style"
        ).value

    seen = [shown()]
    for step in steps:
        step().run()
        seen.append(shown())
    assert seen[-1] == ({"run": second, "time": "1.5", "beside_it": "flow"}, "grid")
    assert page.segmented_control(key="style_right").value == "grid"
    for wanted in reversed(seen[:-1]):
        page.button(key="undo_choice").click().run()
        assert shown() == wanted
    assert page.button(key="undo_choice").disabled and shown()[1] == "streams"
    for wanted in seen[1:]:
        page.button(key="redo_choice").click().run()
        assert shown() == wanted
    page.button(key="undo_choice").click().run()
    page.segmented_control(key="style").set_value("particles").run()
    assert page.button(key="redo_choice").disabled


def test_a_selection_is_undone_also_after_another_page(asked: list) -> None:  # noqa: F811
    run = trained("one")
    page = opened("landscape", run=run.id, outline="pca -1,-1 1,-1 1,1 -1,1")
    page.button(key="clear_selection").click().run()
    go(page, "flow")
    go(page, "landscape")
    assert "outline" not in link(page)
    page.button(key="undo_choice").click().run()
    assert link(page)["outline"] == "pca -1,-1 1,-1 1,1 -1,1"
    assert [settings["roll"] for name, _, settings in asked if name == "landscape"][-1]


def test_a_link_that_is_older_than_the_last_choice_does_not_undo_it() -> None:
    """Of choices in quick succession the browser sends the later ones with the link from before the first."""
    page = opened("landscape", run=trained("one").id, time="1", outline="pca -1,-1 1,-1 1,1 -1,1", beside_it="flow")
    page.run()
    before = link(page)
    page.select_slider(key="time_shown").set_value(2.0).run()
    between = link(page)
    assert before["time"] == "1" and between["time"] == "2"
    page.query_params.update(before)
    page.button(key="clear_selection").click().run()
    cleared = link(page)
    assert cleared["time"] == "2" and "outline" not in cleared
    page.query_params.update(between)
    page.segmented_control(key="style_right").set_value("grid").run()
    assert not page.exception and {**link(page), "style_right": ""} == {**cleared, "style_right": ""}
    assert page.segmented_control(key="style_right").value == "grid"


def test_an_older_link_without_a_choice_is_the_back_button() -> None:
    page = opened("landscape", run=trained("one").id, time="1")
    page.run()
    before = link(page)
    page.select_slider(key="time_shown").set_value(2.0).run()
    page.query_params.update(before)
    page.run()
    assert not page.exception and link(page) == before and page.select_slider(key="time_shown").value == 1.0
