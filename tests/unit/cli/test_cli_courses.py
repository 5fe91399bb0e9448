"""Individuals from the shell."""

import pandas as pd
import pytest

from cellflow_core import cli
from cellflow_core.analysis.courses.plan_words import plan_words, read_plan
from cellflow_core.analysis.courses.regimen import Plan, Regimen
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.models import registry
from tests import toy_pk
from tests.toys import finished, recipe, stored


def test_every_question_is_answered_and_written(tmp_path, capsys):
    with registry.registered("toy-pk", "toys", toy_pk.TruePk):
        data = simulate("pkpd", toy_pk.STUDY | {"subjects": 12, "n_times": 6})
        run = finished(recipe(data, model="toy-pk", settings={}, training={"steps": 1, "validation_fraction": 0.25}))
        sentences = {
            "fits": "off (RMSPE)",
            "check": "of the observed percentiles",
            "npde": "standard deviation",
            "forecast": "3 individuals, kept from training",
        }
        for question, sentence in sentences.items():
            assert cli.main(["courses", run.id, question]) == 0
            assert sentence in capsys.readouterr().out
        out = tmp_path / "plans.csv"
        plans = ["--plan", "low amount=50 interval=12 number=2", "--plan", "high amount=100 interval=12 number=2"]
        assert cli.main(["courses", run.id, "plans", *plans, "--window", "1,4", "--out", str(out)]) == 0
        assert "With “high”, the population has 2 times the AUC of “low”" in capsys.readouterr().out
        table = pd.read_csv(out)
        assert len(table) == 5 and list(table["high / low"][:2]) == [2.0, 2.0]
        again, other = (
            finished(recipe(data, model="toy-pk", settings={}, seed=seed, training=run.recipe.training))
            for seed in (0, 1)
        )
        beside = ["courses", run.id, "forecast", "--beside"]
        assert cli.main([*beside, again.id]) == 0
        assert f"[{again.id}]" in capsys.readouterr().out  # of the same label, in a row of its own
        assert cli.main([*beside, other.id]) == 2
        assert "kept other individuals from training" in capsys.readouterr().err
        assert cli.main(["courses", run.id, "plans"]) == 2
        assert "name a plan" in capsys.readouterr().err
        assert cli.main(["courses", run.id, "fits", "--variable", "weight"]) == 2
        assert "there is no variable" in capsys.readouterr().err


def test_held_out_are_those_that_no_seed_has_seen():
    with registry.registered("toy-pk", "toys", toy_pk.TruePk):
        data = simulate("pkpd", toy_pk.STUDY | {"subjects": 12, "n_times": 6})
        training = {"steps": 1, "validation_fraction": 0.5}
        runs = [
            finished(recipe(data, model="toy-pk", settings={}, training=training, seed=seed, group=group))
            for seed, group in ((0, "one"), (1, "one"), (0, "alone"))
        ]
        held = [set(RunContext(each).held_out_individuals.tolist()) for each in runs]
        found = [answer("prediction_errors", each.id, variable=toy_pk.CONCENTRATION) for each in runs]
    shown = [set(each.subject[each.held_out].tolist()) for each in found]
    assert held[0] != held[1] and shown[0] == shown[1] == held[0] & held[1] and shown[2] == held[2] == held[0]


def test_data_of_cells_have_no_courses(capsys):
    run = finished(recipe(stored()))
    assert cli.main(["courses", run.id, "fits"]) == 2
    assert "trajectories need" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("low amount=50", Plan("low", (Regimen(50.0),))),
        ("twice as much given=2", Plan("twice as much", given=2.0)),
        ("nothing", Plan("nothing")),
        (
            "b amount=1 interval=8 number=3 infusion=0.5 loading=2 missed=2,3 treatment=1",
            Plan("b", (Regimen(1.0, 8.0, 3, 0.5, 2.0, (2, 3), 1),)),
        ),
        (
            "both amount=1 delay=6 + amount=2 treatment=1",
            Plan("both", (Regimen(1.0, delay=6.0), Regimen(2.0, treatment=1))),
        ),
    ],
)
def test_plans_are_read(text, plan):
    assert read_plan(text) == plan and read_plan(plan_words(plan)) == plan


@pytest.mark.parametrize(
    "text",
    [
        "a amount=ten",
        "a interval=2",
        "a dose=2",
        "a amount=1 missed=4",
        "a amount=nan",
        "a amount=1 number=2.5",
        "a amount=1 missed=1.5",
        "a given=-1",
        "a amount=1 + interval=2",
        "a amount=1 delay=-1",
        "a amount=1 amount=2",
        "a amount=1 given=2",
        "a amount=1 + given=2",
        "a amount=1 + b amount=2",
        "a + b",
        "a amount=",
        "a amount=1 missed=",
        "a amount=1 treatment=-1",
    ],
)
def test_what_is_no_plan_is_a_sentence(text):
    with pytest.raises(ValueError, match=r"amount|number|no dose|missed|cannot be taken|given|after a|below 0"):
        read_plan(text)


@pytest.mark.parametrize("name", ["Dose (mg)", "drug+", "<b>", "half 😀", "given", "0", "a:b"])
def test_a_plan_of_any_name_comes_back(name):
    for plan in (Plan(name), Plan(name, given=1 / 4), Plan(name, (Regimen(1e-9, 1e6), Regimen(0.1, treatment=1)))):
        assert read_plan(plan_words(plan)) == plan


@pytest.mark.parametrize("name", ["a=b", "amount=1", "a + b", "a  b", "", " a", "given=2"])
def test_a_name_that_words_cannot_hold_is_a_sentence(name):
    with pytest.raises(ValueError, match="plan"):
        plan_words(Plan(name, (Regimen(1.0),)))
