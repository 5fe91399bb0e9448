"""The report of a run is one file that needs no network and says what a reader must know."""

from __future__ import annotations

import re

import pytest

from cellflow_core.cli import main
from cellflow_core.reporting.report import report as module
from cellflow_core.reporting.report.report import report
from cellflow_core.runs import index
from tests.toys import finished, recipe, stored


def words(text: str) -> str:
    """Without scripts and styles."""
    return re.sub(r"(?s)<(script|style)\b.*?</\1>", "", text)


def test_a_report_has_views_trust_settings_and_scripts(tmp_path, capsys):
    data = stored()
    run = finished(recipe(data, group="g", label='<img src=x onerror="alert(1)">'))
    finished(recipe(data, group="g", hold_out=1.0))
    assert main(["report", run.id, str(tmp_path / "report.html")]) == 0, capsys.readouterr().err
    text = (tmp_path / "report.html").read_text()
    shown = words(text)
    for title in ("How far to trust it", "Time", "Landscape", "Flow", "Fates", "Data", "Settings and versions"):
        assert f"<h2>{title}</h2>" in shown
    assert "<img" not in shown and "&lt;img" in shown
    assert "held-out time" in shown and "torch" in shown and "from cellflow_core" in shown
    assert text.count('class="plotly-graph-div"') >= 6
    assert not re.search(r"""(src|href)=["'](https?:)?//""", shown)


def test_what_was_asked_comes_first_and_what_cannot_be_answered_says_why():
    run = finished(recipe(stored()))
    shown = words(report(run.id, [("trend", {"gene": "Gata1"}), ("flow", {"time": 0.5})]))
    assert shown.index("<h2>One gene over time</h2>") < shown.index("<h2>Flow</h2>") < shown.index("<h2>Time</h2>")
    assert "This was not calculated" in shown and shown.count("<h2>Flow</h2>") == 1


def test_a_report_is_made_where_cells_cannot_be_followed(monkeypatch):
    known = module.answer

    def failing(question, run, **settings):
        if question == "course":
            raise ValueError("the simulation left all numbers")
        return known(question, run, **settings)

    monkeypatch.setattr(module, "answer", failing)
    data = stored()
    run = finished(recipe(data, group="h"))
    finished(recipe(data, group="h", hold_out=1.0, label="without 1"))
    shown = words(report(run.id))
    assert "without 1 could not be tested: The simulation left all numbers." in shown
    assert "This was not calculated: The simulation left all numbers." in shown and "<h2>Flow</h2>" in shown


def test_a_run_that_is_not_done_has_no_report():
    with pytest.raises(ValueError, match="not done"):
        report(index.submit(recipe(stored())).id)
