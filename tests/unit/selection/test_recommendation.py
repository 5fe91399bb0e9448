"""The order of models follows from the data, the goals and measured errors, and every place has its reason."""

import json
import math
from dataclasses import dataclass, replace

import pytest

from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.store import open_dataset
from cellflow_core.selection.benchmark_results import HERE, RESULTS, TITLES, Evidence, course_evidence, evidence
from cellflow_core.selection.model_cards import catalogue
from cellflow_core.selection.recommendation import ASKS, ModelGoals, rank, remarks
from tests import toys


@dataclass(frozen=True)
class Card:
    name: str
    capabilities: tuple[str, ...]
    needs: tuple[str, ...] = (str(DataRequirement.TIMES),)
    missing_package: str = ""
    usual_needs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.name.upper()

    def condition(self, capability: str) -> str:
        return "with variant unbalanced" if self.settings_for(capability) else ""

    def settings_for(self, capability: str) -> dict[str, str]:
        return {"variant": "unbalanced"} if (self.name, capability) == ("grows", "growth") else {}


CARDS = (
    Card("straight", ("coupling",)),
    Card("flow", ("velocity",)),
    Card("bridge", ("velocity", "noise", "score")),
    Card("grows", ("velocity", "growth")),
    Card("clones", ("velocity",), (str(DataRequirement.TIMES), str(DataRequirement.LINEAGE))),
)
MEASURED = (
    Evidence("straight", "a", 1.0, 1.0),
    Evidence("flow", "a", 0.9, 4.0),
    Evidence("flow", "b", 0.98, 6.0),
    Evidence("bridge", "a", 0.95, 300.0),
    Evidence("bridge", "b", 0.95, 300.0),
    Evidence("clones", "a", 0.5, 4.0),
    Evidence("clones", "b", 0.6, 4.0),
)


@pytest.fixture
def info(home):
    return open_dataset(toys.stored()).info


def order(info, **goals) -> list[str]:
    return [each.model for each in rank(info, CARDS, ModelGoals(**goals), MEASURED)]


def test_what_the_data_lack_comes_last_and_errors_decide_among_equals(info):
    assert order(info) == ["flow", "bridge", "grows", "straight", "clones"]
    last = rank(info, CARDS, ModelGoals(), MEASURED)[-1]
    assert not last.trainable and last.obstacles == ("Needs lineage barcodes, which these data do not have.",)
    assert order(replace(info, has=(*info.has, str(DataRequirement.LINEAGE))))[0] == "clones"


def test_a_package_that_is_not_installed_is_a_reason_to_come_last(info):
    away = rank(
        info,
        (Card("away", ("velocity",), missing_package="jax"), CARDS[1]),
        ModelGoals(),
        (Evidence("away", "a", 0.1, 1.0),),
    )
    assert [each.model for each in away] == ["flow", "away"] and not away[-1].trainable
    assert away[-1].obstacles == ("Needs the package jax, which is not installed: `make jax` does it.",)


def test_goals_come_before_errors(info):
    assert order(info, stochasticity=True)[0] == "bridge"
    assert order(info, growth=True)[0] == "grows"
    assert order(info, motion=False)[:3] == ["flow", "bridge", "straight"]
    assert order(info, stochasticity=True, minutes=1.0)[:2] == ["flow", "bridge"]  # one wish open each


def test_errors_within_a_hundredth_are_alike_and_more_evidence_decides(info):
    cards = (Card("a", ("velocity",)), Card("b", ("velocity",)))
    measured = (Evidence("a", "x", 0.996, 1.0), Evidence("b", "x", 0.998, 1.0), Evidence("b", "y", 1.001, 1.0))
    assert [each.model for each in rank(info, cards, ModelGoals(), measured)] == ["b", "a"]


def test_one_data_set_is_said_and_outranks_no_model_measured_on_several(info):
    cards = (Card("lucky", ("velocity",)), Card("unknown", ("velocity",)), Card("steady", ("velocity",)))
    once = [Evidence("lucky", "x", 0.5, 1.0), Evidence("lucky", "x", 0.7, 1.0)]  # one data set in 5 and in 50 axes
    twice = [Evidence("steady", "x", 1.2, 1.0), Evidence("steady", "y", 1.3, 1.0)]
    found = rank(info, cards, ModelGoals(), (*once, *twice))
    assert [each.model for each in found] == ["steady", "lucky", "unknown"]
    assert found[1].measured.endswith("error 0.60 times theirs, on one data set only (x), too little to rank it by.")


def test_a_data_set_counts_once_however_many_tables_it_has(info):
    many = [Evidence("flow", "x", each, 1.0) for each in (1.4, 1.5, 1.6)] + [Evidence("flow", "y", 1.0, 1.0)]
    assert rank(info, CARDS[1:2], ModelGoals(), many)[0].ratio == pytest.approx(1.25)


def test_every_place_has_its_reason(info):
    found = {each.model: each for each in rank(info, CARDS, ModelGoals(stochasticity=True), MEASURED)}
    grows = {each.model: each for each in rank(info, CARDS, ModelGoals(growth=True), MEASURED)}["grows"]
    assert "Learns division and death with variant unbalanced." in grows.pros
    assert "Learns random motion." in found["bridge"].pros and "Does not learn random motion." in found["flow"].cons
    assert (
        "error 0.94 times theirs, in the mean of 2 of our 2 benchmark data sets, at worst 0.98 (b)."
        in found["flow"].measured
    )
    assert "as good as straight lines" in found["straight"].measured
    for ratio, message in ((0.98, "better than"), (0.99, "as good as"), (1.01, "as good as"), (1.02, "worse than")):
        assert message in rank(info, CARDS[1:2], ModelGoals(), (Evidence("flow", "a", ratio, 1.0),))[0].measured
    assert math.isnan(found["grows"].ratio) and "Not measured" in found["grows"].measured
    slow = {each.model: each for each in rank(info, CARDS, ModelGoals(minutes=1.0), MEASURED)}["bridge"]
    assert slow.cons == ("One training took 5 minutes in our benchmark.",)


def test_what_the_data_mean_for_the_choice(info):
    assert remarks(replace(info, counts=(600, 600, 600)), ModelGoals()) == ()
    two = replace(info, counts=(600, 600), has=tuple(set(info.has) - {DataRequirement.HOLD_OUT}))
    assert "held out" in remarks(two, ModelGoals())[0]
    assert "50 cells only" in remarks(replace(info, counts=(50, 90, 90)), ModelGoals())[0]
    sizes = replace(info, counts=(200, 9000, 300))
    assert "differ much" in remarks(sizes, ModelGoals())[0] and remarks(sizes, ModelGoals(growth=True)) == ()
    assert "RNA velocity" in remarks(replace(info, counts=(600,) * 3, layers=("spliced", "unspliced")), ModelGoals())[0]
    assert (
        "GENOT"
        in remarks(replace(info, counts=(600,) * 3, has=(*info.has, str(DataRequirement.MODALITY))), ModelGoals())[0]
    )


def test_evidence_is_what_the_benchmarks_stored(tmp_path):
    rows = [{"model": "m", "seed": s, "fold": f, "w1": w, "seconds": s} for s, f, w in ((1, 1, 2.0), (3, 2, 4.0))]
    rows.append({"model": "m:coupling=other", "seed": 1, "fold": 1, "w1": 9.0, "seconds": 1})
    for row in rows:
        row["points_per_cell"] = 1
    rows.append({"model": "plan", "seed": 1, "fold": 1, "w1": 0.1, "seconds": 1, "points_per_cell": 8})
    table = {"data": {"file": "x.csv", "dims": 5, "times": [0, 1, 2]}, "baselines": {"midpoint": 2.0}, "rows": rows}
    (tmp_path / "loo_x.json").write_text(json.dumps(table))
    assert evidence(tmp_path) == (
        Evidence("m", "x.csv", 1.5, 2.0, times=3),
        Evidence("m", "x.csv", 4.5, 1, (("coupling", "other"),), 3),
    )
    stored = evidence()
    tables = [json.loads(path.read_text()) for path in RESULTS.glob("loo_*.json")]
    assert {each.data for each in stored} == {TITLES[each["data"]["file"]] for each in tables}
    assert len(set(TITLES.values())) == len(TITLES) == len({each["data"]["file"] for each in tables}) > 1
    assert all(0.3 < each.ratio < 10 for each in stored)


def test_settings_that_give_what_is_asked_for_come_with_the_model(info):
    found = {each.model: each for each in rank(info, CARDS, ModelGoals(growth=True), MEASURED)}
    assert found["grows"].settings == {"variant": "unbalanced"} and found["flow"].settings == {}
    assert rank(info, CARDS, ModelGoals(), MEASURED)[0].settings == {}
    other = (
        Evidence("grows", "a", 1.5, 1.0),
        Evidence("grows", "a", 0.7, 1.0, (("variant", "unbalanced"),)),
        Evidence("grows", "b", 0.9, 1.0, (("variant", "unbalanced"),)),
    )
    (grows,) = rank(info, CARDS[3:4], ModelGoals(growth=True), other)
    assert grows.ratio == pytest.approx(0.8)
    (grows,) = rank(info, CARDS[3:4], ModelGoals(growth=True), other[:1])
    assert grows.ratio == 1.5 and "default settings" in grows.measured


def test_every_model_gives_what_its_proposed_settings_promise(info):
    for card in catalogue():
        for goal, (wanted, _) in ASKS.items():
            (choice,) = rank(info, (card,), ModelGoals(motion=False, **({goal: True} if goal != "motion" else {})), ())
            held = card.capabilities_with(choice.settings)
            if goal != "motion" and wanted & set(card.capabilities):
                assert wanted & held, (card.name, goal)


def test_a_model_that_loses_on_most_data_is_not_named_first_without_saying_so(info):
    losing = [Evidence("flow", data, ratio, 1.0) for data, ratio in (("a", 0.5), ("b", 1.0), ("c", 1.1))]
    assert "On 2 of 3 of them it is no nearer" in rank(info, CARDS[1:2], ModelGoals(), losing)[0].measured
    assert "no nearer" not in rank(info, CARDS[1:2], ModelGoals(), losing[:2])[0].measured


def test_scores_on_these_data_are_named_first_and_count(info):
    found = rank(info, CARDS, ModelGoals(), (*MEASURED, Evidence("straight", HERE, 0.7, 1.0)))
    straight = next(each for each in found if each.model == "straight")
    assert straight.here and straight.measured.startswith("At held-out times of these data better than")
    assert straight.ratio == pytest.approx(0.85) and "In our benchmark as good as" in straight.measured


def test_two_times_are_ranked_by_data_that_left_two_times_to_train_on(info):
    two = replace(info, times=(0.0, 1.0))
    measured = (
        Evidence("flow", "many times", 0.5, 1.0, times=6),
        Evidence("bridge", "three times", 0.9, 1.0, times=3),
    )
    found = {each.model: each for each in rank(two, CARDS, ModelGoals(), measured)}
    assert math.isnan(found["flow"].ratio) and found["bridge"].ratio == 0.9


def test_a_model_that_needs_other_settings_comes_after_one_that_does_not(info) -> None:
    cards = (Card("a", ("velocity",), usual_needs=("an RNA velocity of each cell",)), Card("b", ("velocity",)))
    first, second = rank(info, cards, ModelGoals(), [])
    assert (first.model, second.model) == ("b", "a") and second.trainable
    assert second.cons == ("With its usual settings it needs an RNA velocity of each cell: choose others.",)


def test_individuals_are_for_models_of_individuals_and_references_come_after_them(info) -> None:
    followed = replace(info, has=(*info.has, str(DataRequirement.SUBJECTS), str(DataRequirement.DOSE)))
    own = (str(DataRequirement.SUBJECTS),)
    cards = (
        *CARDS[:2],
        Card("last-value", ("courses",), own),
        Card("any-courses", ("courses",), own),
        Card("dosed", ("courses",), (*own, str(DataRequirement.DOSE))),
    )
    goals = ModelGoals(motion=False, individuals=True)
    found = rank(followed, cards, goals, MEASURED)
    assert [each.model for each in found[:3]] == ["dosed", "any-courses", "flow"]
    assert "Learns the course of each individual" in found[0].pros[0]
    named = {each.model: each for each in found}
    assert "A reference" in named["last-value"].cons[0] and "Does not learn the course" in named["flow"].cons[0]
    assert any("The same individuals" in each for each in remarks(followed, goals))
    assert not any(each.trainable for each in rank(info, cards, ModelGoals(), MEASURED) if "courses" in each.model)


def test_models_of_individuals_are_ranked_by_their_forecasts(info, tmp_path) -> None:
    def row(model: str, crps: float) -> dict:
        return {"model": model, "seed": 0, "cpu": 30.0, "variables": {"drug": {"after": {"crps": crps}}}}

    for name in ("a", "b"):
        rows = [row("last-value", 2.0), row("good", 0.5), row("bad:lag=false", 2.2), row("bad", 2.2)]
        (tmp_path / f"courses_{name}.json").write_text(json.dumps({"data": {"name": name}, "rows": rows}))
    found = course_evidence(tmp_path)
    assert [(each.model, each.ratio, each.settings) for each in found[:3]] == [
        ("last-value", 1.0, ()),
        ("good", 0.25, ()),
        ("bad", 1.1, (("lag", False),)),
    ]
    own = (str(DataRequirement.SUBJECTS),)
    cards = (Card("bad", ("courses",), own), Card("good", ("courses",), own), Card("new", ("courses",), own))
    followed = replace(info, has=(*info.has, *own))
    ranked = rank(followed, cards, ModelGoals(motion=False, individuals=True), (*MEASURED, *found))
    assert [each.model for each in ranked] == ["good", "bad", "new"]
    assert (
        "At held-out individuals better than the last value carried forward: CRPS 0.25 times its" in ranked[0].measured
    )
    assert "2 of our 2" in ranked[0].measured and "no nearer than this value" in ranked[1].measured
