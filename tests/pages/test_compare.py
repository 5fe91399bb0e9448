"""The Compare page: a request from the link, runs handed in, a table that fills, and what follows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis.results import Distances, Scores
from cellflow_core.jobs import analysis_cache, recipes
from cellflow_core.runs import index
from cellflow_core.selection import comparison
from tests import toys
from tests.pages.test_pages import opened
from tests.unit.reporting.test_view_scripts import genes

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def data(home) -> str:
    return toys.stored(toys.drifting(4))


def distances(w1: float) -> Distances:
    return Distances(**{each.name: w1 for each in dataclasses.fields(Distances)})


def scored(run, w1: float, own: tuple[str, ...] = ()) -> None:
    """As the worker leaves a run behind."""
    run.end("done", "", "CPU")
    baselines = {"previous": 2.0, "next": 2.1, "linear": 1.4, "midpoint": 1.0, "midpoint_plan": 0.9, "floor": 0.5}
    found = Scores(
        time=run.recipe.hold_out,
        time_unit="day",
        from_previous=distances(w1),
        from_first=distances(2 * w1),
        from_plan=distances(w1),
        notes=("A note.", *own),
        **{name: distances(value) for name, value in baselines.items()},
    )
    path = analysis_cache.cache_path("scores", run.id, {})
    path.parent.mkdir(exist_ok=True)
    found.save(path)


def test_nothing_is_trained_before_it_is_asked_for(data: str) -> None:
    page = opened("compare", dataset=data, models="ot-cfm,no-such-model", times="1", seeds="2", preset="quick")
    assert not page.exception and page.multiselect[0].value == ["ot-cfm"]
    assert page.multiselect[1].value == ["1"] and page.number_input(key="compare_seeds").value == 2
    assert any("Nothing has been trained" in each.value for each in page.caption)
    assert "What has a model to beat?" in [each.value for each in page.header]
    page.button(key="compare_start").click().run()
    asked = [(run.recipe.model, run.recipe.seed, run.recipe.hold_out) for run in reversed(index.runs())]
    assert asked == [("ot-cfm", 0, 1.0), ("ot-cfm", 1, 1.0)]
    assert page.query_params["models"] == "ot-cfm" and page.query_params["times"] == "1"


def test_models_are_held_against_a_known_tree():
    data = toys.stored(genes())
    toys.finished(toys.recipe(data))
    page = opened("compare", dataset=data, models="i-cfm", seeds="1")
    page.multiselect(key="tree").select("early → up").select("early → down").run()
    table = next(each.value for each in page.dataframe if "AUPRC" in each.value)
    assert table["model"].tolist()[1:] == ["(correlation)", "(co-occurrence)", "(random order)"]
    assert any("comes nearest to the tree" in each.value for each in page.markdown)


def test_the_table_says_what_follows(data: str) -> None:
    request = recipes.comparison(data, ("ot-cfm", "i-cfm"), "quick", (0, 1, 2), (1.0, 2.0))
    rng = np.random.default_rng(0)
    for run in comparison.submit(request):
        first = run.recipe.model == "ot-cfm"
        scored(run, (0.8 if first else 1.5) + 0.001 * rng.random(), ("It alone.",) if first else ())
    link = {"dataset": data, "models": "ot-cfm,i-cfm", "times": "1,2", "seeds": "3", "preset": "quick"}
    page = opened("compare", **link)
    message = " ".join(each.value for each in page.markdown)
    assert "OT-CFM comes nearest" in message and "20% below the OT midpoint" in message
    assert "I-CFM loses to the OT midpoint" in message
    assert not [each for each in page.button if each.key == "compare_start"]
    table = page.dataframe[0].value
    assert list(table["model"][:2]) == ["OT-CFM", "I-CFM"] and "(OT midpoint)" in list(table["model"])
    assert str(table["W1 (state)"][0]).startswith("0.80") and table["runs"][0] == "6 of 6"
    notes = " ".join(each.value for each in page.caption)
    assert "A note." in notes and "It alone." not in notes
    page = opened("compare", **link, start="the first time")
    assert "no better than the OT midpoint" in " ".join(each.value for each in page.markdown)


def test_a_model_that_lacks_a_time_is_compared_at_the_others(data: str) -> None:
    for run in comparison.submit(recipes.comparison(data, ("ot-cfm", "ot-displacement"), "quick", (0,), (1.0, 2.0))):
        if (run.recipe.model, run.recipe.hold_out) != ("ot-displacement", 2.0):
            scored(run, (0.7 if run.recipe.hold_out == 1.0 else 9.0) + 0.1 * (run.recipe.model == "ot-displacement"))
    page = opened("compare", dataset=data, models="ot-cfm,ot-displacement", times="1,2", seeds="1", preset="quick")
    message = " ".join(each.value for each in page.markdown)
    assert (
        "So far: " in message
        and "OT-CFM comes nearest to the cells of held-out times (W1 0.7 in the state space)" in message
    )
    assert "Compared at 1 day alone: not every model has a score at the other times." in message
    assert list(page.dataframe[0].value["runs"][:2]) == ["2 of 2", "1 of 2"]


def test_scores_that_were_not_left_behind_are_worked_out_or_told(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.reporting.progress.SCORES_LATE", -1.0)
    (run,) = comparison.submit(recipes.comparison(data, ("ot-displacement",), "quick", (0,), (1.0,)))
    link = {"dataset": data, "models": "ot-displacement", "times": "1", "seeds": "1", "preset": "quick"}
    run.end("done", "", "CPU")  # without weights nothing can be scored
    page = opened("compare", **link)
    assert "ot-displacement, seed 0, without time 1:" in page.warning[0].value
    assert not page.get("progress")


def test_two_times_cannot_test_a_model(home) -> None:
    page = opened("compare", dataset=toys.stored(toys.drifting(2)))
    assert page.header[0].value == "These data cannot test a model"
    assert "three or more seeds" in " ".join(each.value for each in page.markdown)
