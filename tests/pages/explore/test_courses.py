"""The page on individuals: measurements without a model; fits, regimens, treatments, checks and forecasts with one."""

from __future__ import annotations

import pytest

from cellflow_core.analysis.courses import band_calibration
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.models import registry
from cellflow_core.runs import index
from pages.parts.views.courses import forecasts
from tests import toy_pk, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")
FEW = toy_pk.STUDY | {"subjects": 12, "n_times": 6, "n_doses": 1}


@pytest.fixture
def known():
    """The true model is found by the registry."""
    with registry.registered("toy-pk", "toys", toy_pk.TruePk):
        yield


def trained(**changes):
    data = simulate("pkpd", FEW)
    recipe = toys.recipe(
        data,
        model="toy-pk",
        settings={},
        training={"steps": 1, "batch_size": 4, "validation_fraction": 0.25},
        **changes,
    )
    return toys.finished(recipe)


def words(page) -> str:
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error)
    return " ".join(each.value for kind in kinds for each in kind)


def test_without_individuals_or_a_model_the_page_says_what_to_do():
    toys.stored()
    assert "no data of individuals" in opened("courses").header[0].value
    data = simulate("pkpd", FEW)
    page = opened("courses", dataset=data)
    assert not page.error and "No model of individuals is trained" in words(page)
    assert "72 values of concentration (mg/L) in 12 individuals" in words(page)
    assert "What becomes of individuals" in words(page)


def test_individual_fits_say_how_close_they_are_and_that_they_are_no_forecast(known):
    page = opened("courses", run=trained().id)
    shown = words(page)
    assert not page.error and "for the population are" in shown and "has seen the values" in shown
    assert len(page.get("plotly_chart")) == 7  # all measurements and six individuals
    page.selectbox(key="history").set_value(page.selectbox(key="history").options[1]).run()
    page.selectbox(key="variable").set_value("activity (%)").run()
    page.selectbox(key="colour").set_value("dose").run()
    page.toggle(key="log").set_value(True).run()
    assert not page.exception and not page.error and "has seen what was measured until time" in words(page)


def test_twice_the_dose_has_twice_the_area_and_more_than_was_observed_is_said(known):
    page = opened("courses", run=trained().id, part="Two regimens")
    page.number_input(key="regimen_A_amount").set_value(50.0)
    page.number_input(key="regimen_B_amount").set_value(100.0)
    submit(page)
    shown = words(page)
    assert (
        not page.error and "2 times the AUC of “Regimen A”" in shown and "within the doses that were observed" in shown
    )
    (table,) = (each.value for each in page.dataframe if "number" in each.value)
    assert {"AUC", "Cmax", "Tmax", "Cmin"} == set(table["number"])
    page.number_input(key="regimen_B_amount").set_value(900.0)
    page.number_input(key="regimen_B_number").set_value(3)
    page.text_input(key="regimen_B_missed").set_value("3")
    page.number_input(key="window_low").set_value(1.0)
    page.number_input(key="window_high").set_value(0.5)
    submit(page)
    assert "ends below its beginning" in words(page)
    page.number_input(key="window_high").set_value(None)
    submit(page)
    assert "single doses of" in words(page) and "learnt nothing there" in words(page)
    page.selectbox(key="who").set_value("3")
    page.text_input(key="regimen_B_missed").set_value("7")
    submit(page)
    assert "cannot be missed" in words(page)


def test_a_regimen_is_kept_in_the_link(known):
    """What is compared stands in the link, and a link is opened as it was compared; one that holds no plan is told."""
    run = trained()
    page = opened("courses", run=run.id, part="Two regimens", A="Regimen A amount=50 number=2 interval=6 missed=2")
    assert (
        page.number_input(key="regimen_A_amount").value == 50 and page.number_input(key="regimen_A_number").value == 2
    )
    assert page.text_input(key="regimen_A_missed").value == "2"
    page.number_input(key="regimen_B_amount").set_value(100.0)
    page.number_input(key="regimen_B_delay").set_value(3.0)
    page.selectbox(key="who").set_value("3")
    submit(page)
    link: dict[str, str] = {name: page.query_params[name] for name in ("A", "B", "who")}
    assert "amount=100" in link["B"] and "delay=3" in link["B"] and link["who"] == "3" and "missed=2" in link["A"]
    again = opened("courses", run=run.id, part="Two regimens", **link)
    assert again.number_input(key="regimen_B_delay").value == 3 and "individual 3" in words(again)
    wrong = opened("courses", run=run.id, part="Two regimens", A="50 mg")
    assert not wrong.exception and wrong.number_input(key="regimen_A_amount").value == 0
    wrong = opened("courses", run=run.id, part="Two regimens", A="amount=much")
    assert "holds no regimen A" in words(wrong)
    wrong = opened("courses", run=run.id, part="Two regimens", A="amount=1 number=500", low="nan", until="inf")
    assert not wrong.exception and "most 100 doses" in words(wrong)


def submit(page, label: str = "Compare") -> None:
    next(each for each in page.button if each.label == label).click().run()
    assert not page.exception


def test_an_individual_is_followed_under_other_treatments(known):
    page = opened("courses", run=trained().id, part="Other treatments")
    assert not page.error and "history of the individual ends" in words(page)
    page.selectbox(key="individual").set_value(5).run()
    assert not page.exception and "individual 5" in words(page)
    times = page.select_slider[0]
    times.set_value(times.options[-1]).run()  # after the last dose, where nothing more was given anyway
    assert not page.exception and "With “the usual dose”, individual 5" in words(page)


def test_other_treatments_are_kept_in_the_link(known):
    """Individual, time and plans stand in the link, and a link is opened as it was looked at; what it names and is not
    there is left out."""
    run = trained().id
    page = opened("courses", run=run, part="Other treatments", individual="5")
    assert "since" not in page.query_params and "plan" not in page.query_params
    times = page.select_slider[0]
    last = times.options[-1]
    times.set_value(last).run()
    page.button_group(key="plans_5_the usual dose").set_value(["half the usual dose", "as given"]).run()
    held = {name: page.query_params[name] for name in ("since", "plan", "individual")}
    assert held["since"] == last and set(held["plan"]) == {"as given", "half the usual dose"}
    assert held["individual"] == "5"
    again = opened("courses", run=run, part="Other treatments", **held)
    assert again.select_slider[0].value == last and "half the usual dose" in words(again)
    assert set(again.dataframe[0].value.columns) >= {"as given", "half the usual dose"}
    assert {name: again.query_params[name] for name in held} == held
    wrong = opened("courses", run=run, part="Other treatments", since="noon", plan="a walk")
    assert not wrong.exception and "since" not in wrong.query_params and "plan" not in wrong.query_params


def test_parameters_of_individuals_are_shown_where_a_model_has_them():
    """Clearance and volume of each person; the true model has none, and no such question."""
    data = simulate("pkpd", FEW | {"subjects": 6})
    run = toys.finished(toys.recipe(data, model="population-pk", settings={"response": "level"}, training={"steps": 2}))
    page = opened("courses", run=run.id, part="Parameters")
    assert not page.error and "narrow" in words(page) and len(page.get("plotly_chart")) == 4
    assert {"CL", "V", "ka", "lag"} == set(page.dataframe[0].value["parameter"])
    page = opened("courses", run=run.id, part="Forecasts")
    assert forecasts.BAND_PEOPLE == band_calibration.FEWEST
    assert not page.checkbox, "six individuals cannot calibrate a band"


def test_checks_and_forecasts_of_the_true_model(known):
    run = trained()
    page = opened("courses", run=run.id, part="Checks")
    assert not page.error and "of the observed percentiles" in words(page) and "NPDE of" in words(page)
    page.selectbox(key="by").set_value("dose").run()
    page.toggle(key="corrected").set_value(True).run()
    assert not page.exception and not page.error
    page = opened("courses", run=run.id, part="Forecasts")
    assert not page.error and "3 individuals, kept from training" in words(page)
    assert "No reference is trained" in words(page)
    page.segmented_control(key="score").set_value("coverage").run()
    assert not page.exception
    assert [each.key for each in page.checkbox] == ["reference_bands"], "ten of twelve individuals are trained on"
    page.multiselect(key="reference_models").set_value(["toy-pk", "last-value"])
    submit(page, "Train and forecast")
    made = index.runs()[:2]
    assert {each.recipe.model for each in made} == {"toy-pk", "last-value"} and made[0].recipe.group
    assert {each.recipe.training["validation_fraction"] for each in made} == {0.2}


def test_compare_shows_forecasts_of_individuals(known):
    data = simulate("pkpd", FEW)
    page = opened("compare", dataset=data)
    assert "Individuals were followed" in words(page)
    split = {"steps": 1, "batch_size": 4, "validation_fraction": 0.25}
    for model in ("last-value", "toy-pk"):
        toys.finished(toys.recipe(data, model=model, settings={}, training=split))
    page = opened("compare", dataset=data)
    assert not page.exception and not page.error and "Who forecasts individuals best?" in page.header[0].value
    (table,) = (each.value for each in page.dataframe if "CRPS" in each.value)
    assert len(set(table["model"])) == 2 and "kept from training" in words(page)


def test_later_measurements_are_held_out_on_train_and_forecast_on_courses_and_compare(known):
    """From the choice on Train, with the references, to the errors of the same values; what was seen is said."""
    data = simulate("pkpd", FEW)
    page = opened("train", dataset=data, model="toy-pk")
    page.toggle(key="train_hold_out_after").set_value(True).run()
    time = page.number_input(key=f"hold_out_after_{data}")
    time.set_value(500.0).run()
    assert "Nothing was measured after 500 hours" in words(page)
    page.number_input(key=f"hold_out_after_{data}").set_value(-1.0).run()
    assert "Nothing was measured of" in words(page) and "until -1 hours" in words(page)
    page.number_input(key=f"hold_out_after_{data}").set_value(20.0).run()
    assert "of 144 values, of 12 individuals, measured after 20 hours" in words(page)
    start = next(each for each in page.button if each.label.startswith("Start training"))
    assert start.label == "Start training (3 runs)"
    start.click().run()
    made = index.runs()[:3]
    assert {each.recipe.model for each in made} == {"toy-pk", "last-value", "linear-course"}
    assert {each.recipe.hold_out_after for each in made} == {20.0}
    assert made[-1].label.endswith("held out after 20")

    split = {"steps": 1, "batch_size": 4, "validation_fraction": 0.25}
    later = {"settings": {}, "training": split, "hold_out_after": 20.0}
    for model in ("last-value", "toy-pk"):
        run = toys.finished(toys.recipe(data, model=model, **later))
    toys.finished(toys.recipe(data, model="last-value", settings={}, training=split))
    page = opened("courses", run=run.id)
    shown = words(page)
    assert "What was measured after 20 hours was kept from training" in shown and "later values were kept" in shown
    assert "off where later values were held out" in shown and "Diamonds" in shown
    page.selectbox(key="history").set_value(page.selectbox(key="history").options[-1]).run()
    assert "those after 20 hours too, which were kept from training" in words(page)
    page = opened("courses", run=run.id, part="Forecasts")
    assert not page.error and "all models forecast the same" in words(page) and "No reference" not in words(page)
    page.multiselect(key="reference_models").set_value(["linear-course"])
    submit(page, "Train and forecast")
    assert index.runs()[0].recipe.hold_out_after == 20.0
    page = opened("compare", dataset=data)
    assert not page.exception and not page.error and "is forecast from what was measured before" in words(page)
    (table,) = (each.value for each in page.dataframe if "CRPS" in each.value)
    counts = table.groupby("model")["values"].apply(list)
    assert len(counts) == 2 and counts.iloc[0] == counts.iloc[1]
    assert page.selectbox(key="held_out").value.startswith("after 20 hours, 25% of the individuals")
