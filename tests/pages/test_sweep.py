"""A sweep from the page Train: handed in as one action, followed as one table, cancelled at once."""

from __future__ import annotations

import pytest

from cellflow_core.runs import index
from cellflow_core.workspace import quotas
from cellflow_core.workspace.quotas import QuotaError
from tests import toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


def test_a_sweep_is_one_click_one_table_and_one_cancel(home) -> None:
    page = opened("train", dataset=toys.stored(), model="i-cfm")
    page.multiselect(key="sweep_settings").set_value(["width", "learning_rate"]).run()
    page.text_input(key="sweep_width").set_value("8, 16").run()
    assert "Start 2 runs" in page.button(key="sweep_start").label
    page.text_input(key="sweep_width").set_value("8, wide").run()
    assert page.button(key="sweep_start").disabled and page.error
    page.text_input(key="sweep_width").set_value("8, 8, 8.0").run()
    assert "Start 1 run" in page.button(key="sweep_start").label and not page.error
    page.text_input(key="sweep_width").set_value(" , ").run()
    assert page.button(key="sweep_start").disabled
    assert page.error[0].value == "Hidden width has no value: give at least one, or do not vary it."
    page.text_input(key="sweep_width").set_value("8, 16").run()
    page.button(key="sweep_start").click().run()
    assert not page.exception
    assert sorted(run.recipe.settings["width"] for run in index.runs()) == [8, 16]
    rows = page.dataframe[0].value
    assert list(rows["runs"]) == ["1 queued", "1 queued"] and page.query_params["group"]
    page.button(key="sweep_cancel").click().run()
    assert [run.status().state for run in index.runs()] == ["cancelled", "cancelled"]


def test_seeds_out_of_bounds_start_no_sweep(home) -> None:
    page = opened("train", dataset=toys.stored(), model="i-cfm")
    page.number_input(key="sweep_seeds").set_value(11).run()
    assert "sweep_start" not in [each.key for each in page.button] and not page.exception
    assert page.error[0].value == "Seeds of each must be a whole number from 1 to 10, not 11 (setting seeds)."


def test_a_sweep_that_a_person_may_not_start_is_refused_as_a_whole(home, monkeypatch) -> None:
    page = opened("train", dataset=toys.stored(), model="i-cfm")
    page.multiselect(key="sweep_settings").set_value(["width"]).run()
    page.text_input(key="sweep_width").set_value("8, 16, 32").run()
    asked = []

    def most_two(workspace, count):
        asked.append(count)
        raise QuotaError("2 of your runs wait already")

    monkeypatch.setattr(quotas, "check_runs", most_two)
    page.button(key="sweep_start").click().run()
    assert asked == [3] and page.exception and not index.runs()  # which a server shows as one sentence
