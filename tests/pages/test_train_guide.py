"""The guide on the Train page: what is asked for is what is trained, and the estimate is of all runs."""

from __future__ import annotations

import pytest

from cellflow_core.runs import index
from cellflow_core.selection.model_cards import card
from tests import toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.selection.training_time.estimate", lambda *asked: 120.0)


def test_asking_for_growth_trains_settings_with_growth(home, seconds) -> None:
    page = opened("train", dataset=toys.stored(), model="mmfm")
    page.button_group(key="goals").set_value(["motion", "growth"]).run()
    assert not page.exception
    captions = " ".join(each.value for each in page.caption)
    assert "is trained with other settings: unbalanced" in captions
    page.button(key="train_start").click().run()
    run = index.runs()[0]
    assert "growth" not in card("mmfm").capabilities_with({})
    assert "growth" in card("mmfm").capabilities_with(run.recipe.settings) and "unbalanced" in run.label


def test_the_estimate_is_of_all_runs(home, seconds) -> None:
    page = opened("train", dataset=toys.stored(), model="mmfm")
    assert "2 runs, one after the other, of 2 min each." in [each.value for each in page.caption]
    assert "Standard · 4 min" in page.button_group(key="train_preset").options
    page.number_input(key="train_seeds").set_value(4).run()
    assert "5 runs, one after the other, of 2 min each." in [each.value for each in page.caption]


def test_a_star_in_the_name_of_a_model_is_no_markdown(home, seconds) -> None:
    page = opened("train", dataset=toys.stored(), model="jkonet-star")
    bold = [each for each in page.radio[0].options if "JKOnet" in each]
    assert bold[0].startswith(r"**JKOnet\* ")
