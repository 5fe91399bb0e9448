"""What is saved from a page: file names that say what is inside, tables that spreadsheets open and that name units."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cellflow_core.reporting import composition_summaries, result_tables
from pages.parts.widgets import chart, file_names
from tests import example_groups, examples, toys


@pytest.mark.usefixtures("home")
def test_a_file_is_named_by_view_data_and_model() -> None:
    run = toys.finished(toys.recipe(toys.stored(label="Blood Cells")))
    label, end = run.dataset().info.label, run.id[-6:]
    words = label.lower().replace(" ", "-")
    assert file_names.readable(f"trend-Hla/A-{run.id}") == f"trend-Hla-A_{words}_{run.recipe.model}_{end}"
    assert file_names.readable(f"orders-{run.recipe.dataset}") == f"orders_{words}_{run.recipe.dataset[-6:]}"
    for other in ("orders-demo", "time-20200101-000000000000-abcdef", "lineages"):
        assert file_names.readable(other) == other


def test_a_table_is_read_by_a_spreadsheet() -> None:
    assert chart.table({"gene": ["=HYPERLINK(1)", "Gata1"], "x": [1.5, float("nan")]}) == (
        b"gene,x\n'=HYPERLINK(1),1.5\nGata1,\n"
    )
    written = chart.table({"Größe": ["µ"]})
    assert written.startswith(b"\xef\xbb\xbf") and written.decode("utf-8-sig") == "Größe\nµ\n"


def test_columns_of_times_name_their_unit() -> None:
    course, trend = examples.course(), examples.trend()
    tables = {
        course.time_unit: result_tables.of_course(course),
        trend.time_unit: result_tables.of_trend(trend),
    }
    for unit, table in tables.items():
        assert next(iter(table)) == f"time ({unit})"
    landscape = examples.landscape()
    assert "time (hours)" in result_tables.of_landscape(landscape, "hours")
    assert "control genes, lowest (points)" in result_tables.of_perturbation(examples.perturbation())
    composition = example_groups.composition()
    assert next(iter(composition_summaries.share_rows(composition))) == f"time ({composition.time_unit})"


def test_tables_are_saved_by_the_buttons_that_escape_formulas_alone() -> None:
    assert st.get_option("client.disableDataExport") is True

    def page() -> None:
        from pages.parts.widgets import chart

        chart.listed({"gene": ["=HYPERLINK(1)"]}, "genes", "genes")

    app = AppTest.from_function(page).run()
    assert not app.exception and list(app.dataframe[0].value["gene"]) == ["=HYPERLINK(1)"]
    assert [each.proto.label for each in app.get("download_button")] == ["Numbers (CSV)"]
