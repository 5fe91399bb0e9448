"""Simulating on the page: a changed rate makes a data set, and what is known of it is shown, for every simulator."""

from __future__ import annotations

import importlib
from concurrent.futures import Future
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.data.simulators import registry, simulated_data
from cellflow_core.jobs import analysis_pool
from pages.parts.data import simulate_form
from tests.unit.data.simulators.test_simulated_data import few


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker would answer is answered here, in this test's home."""

    def call(path: str, *args: Any, **kwargs: Any) -> Future:
        module, _, name = path.partition(":")
        answer: Future = Future()
        answer.set_result(getattr(importlib.import_module(module), name)(*args, **kwargs))
        return answer

    st.cache_resource.clear()
    monkeypatch.setattr(analysis_pool, "call", call)


def _form() -> None:
    from pages.parts.data import simulate_form

    simulate_form.show()


def _known() -> None:
    import streamlit as st

    from cellflow_core.data import store
    from pages.parts.data import ground_truth

    ground_truth.show(store.open_dataset(st.query_params["dataset"]).info)


def test_a_changed_rate_makes_a_data_set_that_opens() -> None:
    page = AppTest.from_function(_form, default_timeout=60).run()
    page.number_input(key="make_toggle_bias").set_value(0.3)
    page.number_input(key="make_toggle_cells_per_time").set_value(20)
    page.toggle(key="make_look").set_value(True).run()
    assert not page.exception and any(
        "Changed: cells per time 20 (not 600), bias 0.3" in each.value for each in page.caption
    )
    page.button(key="make_data").click().run()
    assert not page.exception and not page.error
    (info,) = store.datasets()
    assert page.query_params["dataset"] in (info.id, [info.id])
    assert info.cells == 100 and info.truth_settings["bias"] == 0.3 and "bias 0.3" in info.label


def test_a_setting_out_of_bounds_is_refused_and_nothing_is_made() -> None:
    page = AppTest.from_function(_form, default_timeout=60).run()
    page.number_input(key="make_toggle_cells_per_time").set_value(0).run()
    assert not page.exception and "make_data" not in [each.key for each in page.button]
    assert page.error[0].value == (
        "Cells per time must be a whole number from 10 to 100000, not 0 (setting cells\\_per\\_time)."
    )
    assert any(each.value.endswith(page.error[0].value) for each in page.caption)


@pytest.mark.parametrize("name", registry.names())
def test_every_simulator_has_a_form_and_a_preview(name: str) -> None:
    page = AppTest.from_function(_form, default_timeout=60).run()
    page.selectbox(key="make_process").set_value(name)
    page.toggle(key="make_look").set_value(True).run()
    assert not page.exception and not page.error
    shown, folded = simulate_form.parted(registry.find(name).Config.settings())
    assert shown and {"seed"} <= {each.name for each in folded}
    assert all(each.help for each in (*shown, *folded)), name
    assert len(page.get("plotly_chart")) == 1


@pytest.mark.parametrize("name", registry.names())
def test_what_is_known_is_shown(name: str) -> None:
    id = simulated_data.simulate(name, few(name))
    page = AppTest.from_function(_known, default_timeout=120)
    page.query_params["dataset"] = id
    page.run()
    assert not page.exception and not page.error
    views = page.segmented_control(key=f"known_{id}").options
    assert views
    for view in views:
        page.segmented_control(key=f"known_{id}").set_value(view).run()
        assert not page.exception and not page.error, view
        assert len(page.get("plotly_chart")) == 1, view


def test_a_knock_out_is_told_with_its_true_change() -> None:
    id = simulated_data.simulate("krumsiek", few("krumsiek"))
    page = AppTest.from_function(_known, default_timeout=120)
    page.query_params["dataset"] = id
    page.run()
    page.segmented_control(key=f"known_{id}").set_value("Fates").run()
    page.selectbox(key=f"known_fates_gene_{id}").set_value("EKLF").run()
    (message,) = [each.value for each in page.markdown if "goes from" in each.value]
    assert message.startswith("With EKLF knocked out, **")


def test_measured_cells_say_nothing_here() -> None:
    id = demos.make("krumsiek11")
    page = AppTest.from_function(_known)
    page.query_params["dataset"] = id
    page.run()
    assert not page.exception and not page.header
