"""The page on RNA velocity: agreement first, arrows where there may be some, phase portraits, and other data."""

from __future__ import annotations

import pytest

from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.steps.derive import derive
from tests import toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")
FEW = {"min_r2": -1.0, "min_slope": 0.0, "components": 10}


def run_on(simulator: str, **settings):
    made = simulate(simulator, {"cells_per_time": 200, **settings})
    data = derive(made, "moments", FEW)
    recipe = toys.recipe(data, model="consistent-velocity", settings={}, training={"steps": 1})
    return toys.finished(recipe)


def words(page) -> str:
    kinds = (page.markdown, page.caption, page.info, page.warning)
    return " ".join(each.value for kind in kinds for each in kind)


def test_agreement_leads_and_genes_have_portraits():
    run = run_on("splicing-bifurcation", genes=20)
    page = opened("velocity", run=run.id)
    assert not page.exception and not page.error
    shown = words(page)
    assert "of the cells have an arrow" in shown and "3 estimators agree" in shown
    assert "A coherent field is not a right one" in shown and "One order of the cells explains" in shown
    (genes,) = (each.value for each in page.dataframe if "gene" in each.value)
    assert len(genes) == 20 and genes["R² of the line"].dtype.kind == "f"
    page.segmented_control(key="by").set_value("order").run()
    page.segmented_control(key="style").set_value("cells").run()
    page.segmented_control(key="group").set_value("true fate").run()
    page.selectbox(key="gene_shown").set_value("Shared2").run()
    assert not page.exception and "Shared2 rises in" in words(page)


def test_nothing_moves_so_nothing_is_drawn():
    page = opened("velocity", run=run_on("unchanging-population", genes=20, groups=3).id)
    assert not page.exception and any("coherent" in each.value for each in page.warning)


def test_other_data_say_what_is_missing():
    data = toys.stored()
    run = toys.finished(toys.recipe(data, model="i-cfm"))
    page = opened("velocity", run=run.id)
    assert not page.exception
    assert "rates of transcription" in words(page) or "Velocity genes and moments" in words(page)
