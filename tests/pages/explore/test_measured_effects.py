"""The part of Perturb that needs no model: data of one time with perturbed cells and controls."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.snapshots import Snapshots
from tests import ROOT, toys
from tests.unit.analysis.perturbations.test_stored_effects import screen

pytestmark = pytest.mark.usefixtures("quiet")


def opened(page: str = "perturb", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    app.run()
    assert not app.exception, app.exception
    return app


def text(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.caption, *app.warning, *app.info))


def test_one_time_and_no_model_show_what_was_measured():
    id = toys.stored(screen(), "screen")
    app = opened(dataset=id)
    shown = text(app)
    assert "Of 2 targets only GATA1 differs from the control cells." in shown
    assert "1 of 3 genes changes; down KLF1 -1.90" in shown and "within each batch" in shown
    assert "two or more times, which are not in these data" in shown and not app.error
    assert app.selectbox(key="target").value == "GATA1"
    app.selectbox(key=f"measured_shares_{id}").set_value("type").run()
    assert "Shares of “type”" in text(app)


def test_another_target_and_no_batch_are_chosen():
    id = toys.stored(screen(), "screen")
    app = opened(dataset=id)
    app.selectbox(key="target").set_value("SPI1").run()
    assert "SPI1 (60 cells): 0 of 3 genes change." in text(app)
    app.selectbox(key=f"measured_batch_{id}").set_value("").run()
    assert "All cells count as one batch" in text(app)


def test_predictions_are_one_click_away_and_say_what_they_need():
    app = opened(dataset=toys.stored(screen(), "screen"))
    app.segmented_control(key="look").set_value("predicted").run()
    assert [each.value for each in app.header] == ["No model is trained yet"]


def test_a_model_of_other_data_opens_its_prediction():
    """A link to a run keeps meaning that run, though another data set has a perturbation design."""
    toys.stored(screen(), "screen")
    run = toys.finished(toys.recipe(toys.stored()))
    app = opened(run=run.id)
    assert app.segmented_control(key="look").value == "predicted"
    assert "no genes to change" in " ".join(each.value for each in app.header)


def test_without_a_perturbation_design_nothing_is_offered():
    app = opened(dataset=toys.stored())
    assert "look" not in {each.key for each in app.segmented_control}


def test_a_screen_without_controls_is_one_sentence():
    data = screen()
    everything = {each: np.ones(280) if each == "GATA1" else v for each, v in data.perturbation.items()}
    app = opened(dataset=toys.stored(Snapshots(data.x, None, data.space, perturbation=everything)))
    assert "0 control cells" in app.error[0].value and "non-targeting" in app.error[0].value


def test_the_data_page_leads_there():
    assert "The cells were perturbed." in text(opened("data", dataset=toys.stored(screen(), "screen")))
    assert "The cells were perturbed." not in text(opened("data", dataset=toys.stored()))
