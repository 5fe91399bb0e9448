"""The form shows every setting with meaning, unit and bounds, and gives back values that the settings accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streamlit.testing.v1 import AppTest

from cellflow_core.config import Config, Setting, setting
from pages.parts.widgets.form import help_of, label_of, refusals


@dataclass(frozen=True)
class Toy(Config):
    steps: int = setting(2000, "training steps", 1, 10_000_000)
    batch: int = setting(256, "cells of each time in a step", 2, 1_000_000, "cells")
    rate: float = setting(2e-3, "size of a step", 1e-8, 1.0)
    sigma: float = setting(0.0, "noise", 0.0)
    plan: Literal["exact", "random"] = setting("exact", "who is paired with whom")
    average: bool = setting(True, "smooth the weights")
    note: str = setting("none", "a remark")


def _page() -> None:
    import streamlit as st

    from pages.parts.widgets.form import form_of
    from tests.pages.test_form import Toy

    st.session_state["values"] = form_of(Toy.settings(), {"steps": 500}, "toy")


def test_values_are_those_of_the_settings_and_of_the_preset() -> None:
    page = AppTest.from_function(_page).run()
    assert not page.exception
    values = page.session_state["values"]
    assert Toy.from_dict(values) == Toy(steps=500)
    assert isinstance(values["steps"], int) and isinstance(values["rate"], float)


def test_a_changed_widget_changes_its_value_only() -> None:
    page = AppTest.from_function(_page).run()
    page.number_input(key="toy_rate").set_value(0.01)
    page.selectbox(key="toy_plan").set_value("random")
    page.toggle(key="toy_average").set_value(False).run()
    assert Toy.from_dict(page.session_state["values"]) == Toy(steps=500, rate=0.01, plan="random", average=False)


def test_a_value_out_of_bounds_stays_and_is_refused_below_its_box() -> None:
    page = AppTest.from_function(_page).run()
    page.number_input(key="toy_batch").set_value(-5)
    page.number_input(key="toy_steps").set_value(2.5)
    page.number_input(key="toy_rate").set_value(1e20).run()
    values = page.session_state["values"]
    assert [values[each] for each in ("batch", "steps", "rate")] == [-5, 2.5, 1e20] and not page.exception
    message = [
        "Steps must be a whole number from 1 to 10000000, not 2.5 (setting steps).",
        "Batch must be a whole number from 2 to 1000000, in cells, not -5 (setting batch).",
        "Rate must be a number from 1e-08 to 1, not 1e+20 (setting rate).",
    ]
    assert sorted(each.value for each in page.error) == sorted(message) and refusals(Toy.settings(), values) == message
    page.number_input(key="toy_batch").set_value(2)
    page.number_input(key="toy_steps").set_value(1)
    page.number_input(key="toy_rate").set_value(1.0).run()
    assert not page.error and Toy.from_dict(page.session_state["values"]) == Toy(steps=1, batch=2, rate=1.0)


def test_label_and_help_are_words() -> None:
    batch, sigma = Toy.settings()[1], Toy.settings()[3]
    assert label_of(batch) == "Batch (cells)"
    assert help_of(batch) == "Cells of each time in a step. From 2 to 1,000,000. Usually 256."
    assert help_of(sigma) == "Noise. At least 0. Usually 0."
    long = Setting("sigma", "float", 0.5, "noise", unit="spreads per square root of time")
    assert label_of(long) == "Noise σ"
    assert help_of(long) == "Noise. In spreads per square root of time. Usually 0.5."
    assert help_of(Setting("on", "bool", True)) == "Usually on."
    axes = Setting("axes", "choice", "pca", choices=("pca", "genes"), choice_labels={"pca": "principal components"})
    assert help_of(axes) == "Usually principal components."


def _axes() -> None:
    from cellflow_core.data.steps.state import ChangeStateSpace
    from pages.parts.widgets.form import form_of

    form_of([ChangeStateSpace.Config.settings()[0]], {}, "axes")


def test_a_choice_is_shown_in_words_and_kept_by_its_name() -> None:
    page = AppTest.from_function(_axes).run()
    box = page.selectbox(key="axes_representation")
    assert box.options[:2] == ["principal components", "genes"] and box.value == "pca"
    box.select("autoencoder of counts").run()
    assert page.session_state["axes_representation"] == "vae"
