"""Growth, chance and fates on the pages: what they ask, what they say, and what they say where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.preprocessing.mixed_lineages import MixedLineages
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.reporting import fate_summaries, growth_summaries
from pages.parts.views import cell_selection
from tests import examples, toys
from tests.pages.test_views import ANSWERS, asked, message, opened, run, trained  # noqa: F401  (fixtures)

GENES = AffineSpace.of_genes(("Gata1", "Spi1"))


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch):
    """A run of a model that learns growth, with answers that have it."""
    for question, answer in (
        ("flow", examples.growing_flow),
        ("course", examples.growing_course),
        ("fates", examples.growing_fates),
    ):
        monkeypatch.setitem(ANSWERS, question, answer)
    return trained(GENES, model="uot-cfm", settings={"width": 8, "depth": 1, "rho": 1.0})


def test_fates_asks_for_all_cells_and_for_one(run, asked):  # noqa: F811
    page = opened("fates", run=run.id)
    assert [tab.label for tab in page.tabs[:3]] == ["All cells", "Between times", "One cell"]
    assert ("fates", run.id, {"view": "pca", "states": "found"}) in asked
    assert "futures" not in [question for question, *_ in asked]  # a tab asks when it is opened
    page = opened("fates", run=run.id, part="One cell")
    assert ("futures", run.id, {"view": "pca", "states": "found"}) in asked
    assert "Cell 7 of time 0, 60 futures: 66% end in Erythroid (54% to 77%)" in message(page)
    assert "width of all measured cells" in message(page)


def test_the_link_brings_back_the_cell_the_fate_and_the_states(run, asked):  # noqa: F811
    page = opened("fates", run=run.id, states="Groups of “type”", fate="Myeloid")
    assert page.selectbox(key="fate").value == "Myeloid"
    page = opened("fates", run=run.id, cell="17", states="Groups of “type”", part="One cell")
    assert ("futures", run.id, {"view": "pca", "states": "type", "cell": 17}) in asked
    page.number_input(key="cell").set_value(3).run()
    assert [given for question, _, given in asked if question == "futures"][-1]["cell"] == 3


def test_fates_by_transitions_ask_for_ends_and_start_cells(run, asked):  # noqa: F811
    page = opened("fates", run=run.id, count="Transitions")
    assert ("transition_fates", run.id, {"view": "pca", "states": "found", "ends": (), "start": ""}) in asked
    assert "fates" not in [question for question, _, _ in asked]
    assert "62% Erythroid" in message(page) and "roll-out" not in message(page)
    page = opened("fates", run=run.id, count="Transitions", states="Groups of “type”", start="up")
    page.multiselect(key="ends").set_value(["down"]).run()
    last = [given for question, _, given in asked if question == "transition_fates"][-1]
    assert last == {"view": "pca", "states": "type", "ends": ("down",), "start": "up"}


def test_macrostates_are_a_choice_of_transitions_alone(run, asked):  # noqa: F811
    where = {"count": "Transitions", "states": "Macrostates of the transitions (GPCCA)"}
    opened("fates", run=run.id, part="Genes of a fate", **where)
    page = opened("fates", run=run.id, part="One cell", **where)
    wanted = {"view": "pca", "states": "macrostates", "ends": (), "start": ""}
    assert ("transition_fates", run.id, wanted) in asked
    assert ("fate_genes", run.id, {"states": "macrostates", "ends": ()}) in asked
    page.number_input(key="macrostates").set_value(4).run()
    assert [given["states"] for question, _, given in asked if question == "transition_fates"][-1] == "macrostates 4"
    assert {given["states"] for question, _, given in asked if question == "futures"} == {""}
    page.session_state["count"] = "simulation"
    page.run()
    assert not page.exception and asked[-2:] and "macrostates" not in [given.get("states") for *_, given in asked[-2:]]


def test_cells_are_coloured_by_how_open_their_fate_is(run, asked):  # noqa: F811
    page = opened("fates", run=run.id, fate="how open the fate is (entropy)")
    assert page.selectbox(key="fate").value == "entropy"


def test_cells_without_a_value_and_values_named_as_a_choice_are_no_start_cells(asked):  # noqa: F811
    points, t = examples.cells(120)
    kind = np.resize(["up", "nan", "", "found"], 120)
    id = toys.stored(Snapshots(points, t, GENES, "days", labels={"type": kind}))
    made = toys.finished(toys.recipe(id))
    page = opened("fates", run=made.id, count="Transitions", states="Groups of “type”")
    assert page.selectbox(key="start").options == [
        "Cells of the first time",
        "Root cells found by the transitions",
        "up",
    ]
    assert page.multiselect(key="ends").options == ["found", "up"]


def test_genes_of_a_fate_stand_below_fates_by_transitions(run, asked):  # noqa: F811
    page = opened("fates", run=run.id, count="Transitions", fate_of_genes="Myeloid", part="Genes of a fate")
    assert ("fate_genes", run.id, {"states": "found", "ends": ()}) in asked
    table = next(each.value for each in page.dataframe if "gene" in each.value)
    assert table["gene"].tolist() == ["Spi1", "Gata1"] and table["correlation"].tolist() == [0.2, -0.7]


def test_start_cells_that_reach_no_state_are_said():
    made = examples.fates(cells="cells", elsewhere=0.2)
    summary = fate_summaries.of_fates(made, (0.0, 1.0), "day")
    assert "20% of the start cells reach no terminal state along the transitions" in summary.why


@pytest.mark.parametrize("measured", [np.array([0.6, 0.4]), np.full(2, np.nan)])
def test_shares_of_cells_that_mostly_end_nowhere_are_not_trusted(measured):
    lost = fate_summaries.of_fates(examples.fates(elsewhere=1.0, measured=measured), (0.0, 1.0), "day")
    assert lost.trust == "poor" and "100% of the simulated cells end far from every state" in lost.why


def test_one_future_is_explained(run, monkeypatch):  # noqa: F811
    made = examples.futures()
    one = {"paths": made.paths[:, :1], "weight": np.ones((21, 1)), "ends": made.ends[:1], "kind": "deterministic"}
    nan = np.full(2, np.nan)
    shares = {"share": np.array([0.0, 1.0]), "low": nan, "high": nan}
    monkeypatch.setitem(ANSWERS, "futures", lambda: examples.futures(**one, **shares))
    page = opened("fates", run=run.id, part="One cell")
    assert "Cell 7 of time 0 ends in Myeloid." in message(page)
    assert "has no noise" in message(page).replace("\\", "") and "SF" in message(page)
    assert "How do they divide?" not in message(page)


def test_growth_is_offered_and_told_where_it_is_learnt(growing, run):  # noqa: F811
    page = opened("flow", run=growing.id, by="Growth")
    assert page.selectbox(key="by").value == ("growth", "")
    assert "the median growth rate is" in message(page)
    assert "From day 0 to day 4 one cell becomes 16 on average" in message(opened("time", run=growing.id))
    fates = message(opened("fates", run=growing.id))
    assert "Without growth, 50% of the initial cells become Erythroid" in fates
    assert "+12 points by growth (95 % interval +5 to +19)." in fates.replace("\\", "")


def test_a_model_without_growth_offers_none(run, monkeypatch):  # noqa: F811
    for question in ("flow", "course", "fates"):
        monkeypatch.setitem(ANSWERS, question, getattr(examples, question))
    assert "Growth" not in opened("flow", run=run.id).selectbox(key="by").options
    for name in ("flow", "time", "fates"):
        assert ":material/eco:" not in message(opened(name, run=run.id))


def test_numbers_that_nobody_counted_are_not_drawn(growing, monkeypatch):
    monkeypatch.setitem(ANSWERS, "course", lambda: examples.growing_course(measured_mass=None))
    page = opened("time", run=growing.id)
    assert "The population size was not measured" in message(page) and "Use cell counts as mass" in message(page)
    assert not [each for each in page.expander if each.label == "Data table: population size"]


def test_names_of_the_user_are_never_markup(run, monkeypatch):  # noqa: F811
    for question, made in (("fates", examples.growing_fates), ("futures", examples.futures)):
        monkeypatch.setitem(ANSWERS, question, lambda made=made: made(names=(examples.HOSTILE, "ok")))
    shown = message(opened("fates", run=run.id))
    assert "<img" not in shown.replace("\\<img", "") and "\\<img" in shown


def test_clones_are_asked_about_where_there_are_some(run, asked):  # noqa: F811
    assert "no lineage barcodes" in message(opened("fates", run=run.id, part="Clones"))
    assert not [each for each in asked if each[0] == "clones"]
    asked.clear()
    marked = trained(GENES, lineage=np.arange(120) % 11)
    page = opened("fates", run=marked.id, part="Clones")
    settings = next(given for question, _, given in asked if question == "clones")
    assert {settings["a"], settings["b"]} == {"up", "down"} and settings["by"] == "type"
    assert "the model tells which is which in 79% of all pairs" in message(page)
    assert "With growth left out it is 72%" in message(page)
    page.selectbox(key="clone_a").set_value(settings["b"]).run()
    assert "Choose two different fates" in message(page)


def test_clones_that_tell_nothing_apart_are_not_trusted():
    unsure = fate_summaries.of_clones(examples.clones(auroc=np.array([0.4, 0.6, 0.8])))
    assert unsure.trust == "poor" and "includes guessing" in unsure.why
    nothing = fate_summaries.of_clones(examples.clones(auroc=np.full(3, np.nan)))
    assert "nothing to tell apart" in nothing.answer
    plain = examples.clones()
    assert "growth left out" not in fate_summaries.of_clones(examples.clones(without_growth=plain.predicted)).why


def test_rates_are_said_as_doublings_and_halvings():
    assert (
        growth_summaries.doubling(np.log(2), "days")
        == "doubling every 1 day"
        == growth_summaries.doubling(np.log(2), "day")
    )
    assert growth_summaries.doubling(-0.1, "") == "halving every 6.9 time units"
    assert growth_summaries.doubling(0.001, "days") == "hardly any change"
    sentence = growth_summaries.of_course(examples.growing_course(), "days")
    assert sentence.endswith("counted were 16, which it was trained on: off by 0%.")
    unsure = examples.growing_fates(growth_effect=np.array([[-0.02, 0.04, 0.09], [-0.09, -0.04, 0.02]]))
    assert growth_summaries.of_fates(unsure).endswith(
        "+4 points by growth (95 % interval -2 to +9), which is not different from zero."
    )


def test_shares_that_leave_out_half_of_the_last_cells_are_no_good_news():
    half = fate_summaries.of_fates(examples.fates(undefined=0.48, elsewhere=0.2), (0.0,), "days")
    assert half.trust == "fair" and "48% of the cells of the last time define no state" in half.why
    assert "20% of the simulated cells end far from every state" in half.why


def test_shares_far_from_the_measured_ones_are_not_trusted():
    near = fate_summaries.of_fates(examples.fates(), (0.0,), "days")
    assert near.trust == "good" and "off by at most 3 points" in near.why
    far = fate_summaries.of_fates(examples.fates(measured=np.array([0.2, 0.8])), (0.0,), "days")
    assert far.trust == "poor" and "80% are Myeloid, and the model has 38%" in far.why
    made = {"share": np.ones(1), "low": np.ones(1), "high": np.ones(1), "measured": np.ones(1)}
    one = fate_summaries.of_fates(examples.fates(names=("state 1",), **made), (0.0,), "days")
    assert "one terminal state only, state 1" in one.answer


def test_shares_of_chosen_start_cells_are_theirs_and_not_held_against_the_last_time():
    made = examples.fates(cells="cells", of="the 50 cells of time 1 with kind = left", measured=np.full(2, np.nan))
    chosen = fate_summaries.of_fates(made, (0.0, 1.0), "day")
    assert chosen.answer.startswith("What becomes of the 50 cells of time 1 with kind = left: 62% Erythroid")
    assert "were chosen" in chosen.why and "measured at one time" not in chosen.why
    assert "whether the direction is right" in chosen.why


def test_a_click_finds_the_nearest_cell_of_those_shown():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert cell_selection.nearest(points, np.array([0, 2]), 1.1, 0.1) == 2


def test_groups_that_do_not_belong_are_named_and_left_out(run, monkeypatch):  # noqa: F811
    data = store.open_dataset(run.recipe.dataset)
    group = str(np.unique(data.snapshots().labels["type"])[0])
    mixed = MixedLineages("type", {group: 0.16}, 0.0)
    monkeypatch.setattr("cellflow_core.data.preprocessing.mixed_lineages.find_mixed_lineages", lambda data: mixed)
    monkeypatch.setattr("pages.parts.views.mixed_lineages.find_mixed_lineages", lambda data: mixed)
    page = opened("fates", run=run.id)
    assert any(f"{group} (16% of the first cells)" in each.value for each in page.warning)
    page.button(key=f"leave_out_{data.info.id}").click().run()
    made = next(each for each in store.datasets() if each.id != data.info.id)
    assert group not in store.open_dataset(made.id).snapshots().labels.get("type", ())
