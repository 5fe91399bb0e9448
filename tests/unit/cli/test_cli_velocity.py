"""`velocity` of a run and of a data set: the words of the page, a table of genes, and both as files."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cellflow_core import cli
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.data.steps.derive import derive
from cellflow_core.jobs import analysis_cache
from cellflow_core.reporting.rna_velocity import summaries as velocity_summaries
from tests import toys
from tests.unit.data.steps.test_moments import FEW, measured


def trained(id: str) -> str:
    recipe = toys.recipe(id, model="steady-state", settings={}, training={"steps": 1})
    return toys.finished(recipe).id


def test_a_run_is_told_in_the_words_of_the_page(tmp_path, capsys):
    run = trained(derive(measured(), "moments", FEW))
    out = tmp_path / "genes.csv"
    assert cli.main(["velocity", run, "--genes", "3", "--gene", "G4", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    found = analysis_cache.answer("velocity", run)
    assert isinstance(found, VelocityAgreement)
    summary = velocity_summaries.of_velocity(found)
    assert shown.startswith(f"{summary.answer}\nTrust: {summary.trust}. {summary.why}")
    assert "of the arrows point to later cells" in shown and velocity_summaries.of_order(found) in shown
    assert "G4 rises in" in shown and "(Steady-state RNA velocity)" in shown
    table = pd.read_csv(out)
    assert len(table) == 18 and {"gene", "R² of the line", "γ/β, Steady-state RNA velocity"} <= set(table.columns)
    assert shown.count("\nG") == 4  # three rows of the table, and the gene that was named


def test_a_data_set_is_told_by_the_quick_estimators_as_a_run_of_the_first_of_them(tmp_path, capsys):
    id, out = derive(measured(timed=False), "moments", FEW), tmp_path / "answer.json"
    assert cli.main(["velocity", id, "--genes", "0", "--gene", "G4", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "3 estimators agree" in shown and "later cells" not in shown
    assert shown.count("\nG") == 19 and "G4 rises in" in shown
    written = json.loads(out.read_text())
    assert len(written["genes"]) == 18 and written["share of arrows forward in time"] is None
    assert len(written["estimators"]) == len(written["median cosine between estimators"]) == 3
    recipe = toys.recipe(id, model="consistent-velocity", settings={}, training={"steps": 1})
    assert cli.main(["velocity", toys.finished(recipe).id, "--genes", "0", "--gene", "G4"]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nope", "there is no data set 'nope'"),
        ("20260101-120000000000-abcdef", "there is no run"),
        ("MEASURED", "take the step “Velocity genes and moments”"),
        ("MOMENTS --gene Nobody", "Nobody"),
        ("MOMENTS --view tsne", "no view 'tsne'"),
        ("MOMENTS --out genes.txt", "genes.txt ends neither in .csv nor in .json"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(line, sentence, capsys):
    id = measured()
    line = line.replace("MEASURED", id)
    if "MOMENTS" in line:
        line = line.replace("MOMENTS", derive(id, "moments", FEW))
    assert cli.main(["velocity", *line.split()]) == 2
    message = capsys.readouterr().err
    assert sentence in message and message.count("\n") == 1
