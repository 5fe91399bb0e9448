"""The guided import: live counts, time, undo, what is asked, and preparing again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from pages.parts.importing import label_order
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "here")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.data.preprocessing.umap.add_umap", lambda id: None)


def held(cells: int = 240, genes: int = 40) -> anndata.AnnData:
    rng = np.random.default_rng(0)
    x = rng.poisson(2.0, size=(cells, genes)).astype(np.float32)
    x[:30, 8:] = 0
    obs = pd.DataFrame(
        {
            "day": np.resize(["d0", "d2", "d5"], cells),
            "batch": np.resize(["a", "b", "b", "a"], cells),
            "dpt_pseudotime": rng.random(cells),
            "growth_score": rng.normal(size=cells),
        },
        index=[f"c{k}" for k in range(cells)],
    )
    obs.iloc[:30, 0] = "d0"
    return anndata.AnnData(csr_matrix(x), obs=obs, var=pd.DataFrame(index=[f"Gene{k}a" for k in range(genes)]))


def uploaded(tmp_path, made: anndata.AnnData) -> str:
    made.write_h5ad(tmp_path / "cells.h5ad")
    return uploads.save_upload(io.BytesIO((tmp_path / "cells.h5ad").read_bytes()), "cells.h5ad")


def shown(page: AppTest) -> str:
    return "\n".join(
        each.value for kind in ("markdown", "caption", "info", "warning", "error") for each in page.get(kind)
    )


def test_filters_count_live_and_are_done(tmp_path) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    assert not page.exception and not page.error and "**240 of 240 cells**" in shown(page)
    page.number_input(key="import_min_genes").set_value(20).run()
    assert "Fewer than 20 genes: **30 cells out**" in shown(page) and "**210 of 240 cells**" in shown(page)
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (info,) = store.datasets()
    assert info.cells == 210 and "Left out 30 cells with fewer than 20 genes" in info.steps


def test_a_filter_that_empties_a_time_is_told(tmp_path) -> None:
    made = held()
    made.obs["day"] = np.where(np.arange(240) < 30, "d0", "d2")
    page = opened("data", upload=uploaded(tmp_path, made))
    page.number_input(key="import_min_genes").set_value(20).run()
    assert "No cell of “d0” is left: the filter “fewer than 20 genes” takes its last one" in page.warning[0].value
    page.number_input(key="import_min_genes").set_value(41).run()
    assert "Nothing is left" in shown(page) and page.button(key="import_start").disabled


def test_changes_are_undone_set_back_and_survive_a_reload(tmp_path) -> None:
    upload = uploaded(tmp_path, held())
    page = opened("data", upload=upload)
    assert page.button(key="import_undo").disabled
    page.number_input(key="import_min_genes").set_value(10).run()
    page.number_input(key="import_components").set_value(12).run()
    assert len(json.loads((uploads.folder_of(upload) / "draft.json").read_text())) == 3
    again = opened("data", upload=upload)
    assert again.number_input(key="import_components").value == 12 and "fewer than 10 genes" in shown(again)
    again.button(key="import_undo").click().run()
    assert again.number_input(key="import_components_again1").value == 30
    assert again.number_input(key="import_min_genes_again1").value == 10
    again.button(key="import_reset_filters").click().run()
    assert again.number_input(key="import_min_genes_again2").value == 0 and not again.exception


def test_pseudotime_is_cut_into_windows(tmp_path) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    page.selectbox(key="import_column").set_value("dpt_pseudotime").run()
    assert page.selectbox(key="import_unit_dpt_pseudotime").value == "pseudotime"
    assert "no time that was measured" in shown(page)
    page.number_input(key="import_windows_dpt_pseudotime").set_value(4).run()
    page.selectbox(key="import_batch").set_value("batch").run()
    page.selectbox(key="import_growth").set_value("growth_score").run()
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (info,) = store.datasets()
    assert info.counts == (60, 60, 60, 60) and info.time_unit == "pseudotime"
    assert "a growth rate of each cell" in info.has and any("Harmony" in each for each in info.steps)


def test_the_last_change_can_be_undone_at_once(tmp_path) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    assert page.button(key="import_undo").disabled
    page.number_input(key="import_min_genes").set_value(39).run()
    assert not page.button(key="import_undo").disabled
    page.button(key="import_undo").click().run()
    assert page.number_input(key="import_min_genes_again1").value == 0
    assert page.button(key="import_undo").disabled and not page.exception


def test_the_only_further_measurement_is_proposed_as_second_modality(tmp_path) -> None:
    made = held()
    made.obsm["X_atac"] = np.random.default_rng(3).normal(size=(240, 5))
    page = opened("data", upload=uploaded(tmp_path, made))
    assert page.selectbox(key="import_modality").value == "X_atac" and "Second modality: X\\_atac" in shown(page)
    page.radio(key="import_axes").set_value("obsm:X_atac").run()
    assert not any(each.key == "import_modality" for each in page.selectbox) and "Second modality: none" in shown(page)
    page.radio(key="import_axes").set_value("pca").run()
    page.selectbox(key="import_modality").set_value("X_atac").run()
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error and "a second modality of the same cells" in shown(page)
    assert store.datasets()[0].steps[-1].startswith("Took 'X_atac' (5 features) as the second modality, in 5 axes")


def unitless() -> anndata.AnnData:
    made = held()
    made.obs = pd.DataFrame({"age": np.resize([0.0, 2.0, 5.0], 240)}, index=made.obs_names)
    return made


def test_a_unit_of_time_that_nothing_gives_must_be_chosen(tmp_path) -> None:
    upload = uploaded(tmp_path, unitless())
    page = opened("data", upload=upload)
    assert page.selectbox(key="import_unit_age").value is None and page.button(key="import_start").disabled
    assert "Choose the unit of time" in shown(page)
    page.selectbox(key="import_unit_age").set_value("week").run()
    assert "Choose the unit of time" not in shown(page) and not page.button(key="import_start").disabled
    page.selectbox(key="import_unit_age").set_value("").run()
    again = opened("data", upload=upload)  # none was chosen, which is remembered as a choice
    assert again.selectbox(key="import_unit_age").value == "" and not again.button(key="import_start").disabled
    again.button(key="import_reset_time").click().run()
    assert again.button(key="import_start").disabled
    again.button(key="import_undo").click().run()
    again.button(key="import_start").click().run()
    (info,) = store.datasets()
    assert info.time_unit == "" and info.times == (0.0, 2.0, 5.0)


def test_the_unit_of_time_is_that_of_the_column_beside(tmp_path) -> None:
    made = unitless()
    made.obs["age_unit"] = "weeks"
    page = opened("data", upload=uploaded(tmp_path, made))
    assert page.selectbox(key="import_unit_age").value == "week"
    page.button(key="import_start").click().run()
    assert store.datasets()[0].time_unit == "week"


def test_dates_are_counted_in_days(tmp_path) -> None:
    made = held()
    made.obs = pd.DataFrame({"collected": np.resize(["2021-03-04", "2021-03-11"], 240)}, index=made.obs_names)
    page = opened("data", upload=uploaded(tmp_path, made))
    assert "days since the first, 2021-03-04" in shown(page) and "**0 → 7**" in shown(page)
    page.button(key="import_start").click().run()
    (info,) = store.datasets()
    assert info.times == (0.0, 7.0) and info.time_unit == "day"


def test_dates_of_unclear_day_and_month_are_asked_for(tmp_path) -> None:
    made = held()
    made.obs = pd.DataFrame({"collected": np.resize(["03/04/2021", "11/04/2021"], 240)}, index=made.obs_names)
    page = opened("data", upload=uploaded(tmp_path, made))
    assert "year-month-day" in shown(page) and page.button(key="import_start").disabled


def test_no_time_is_a_snapshot(tmp_path) -> None:
    made = held()
    made.obs = made.obs[["batch"]]
    page = opened("data", upload=uploaded(tmp_path, made))
    assert page.selectbox(key="import_column").value == "" and "one snapshot without a time" in shown(page)
    page.button(key="import_start").click().run()
    assert store.datasets()[0].times == ()


def test_a_person_is_asked_where_values_are_unclear(tmp_path) -> None:
    made = held()
    made.uns["log1p"] = {"base": None}
    page = opened("data", upload=uploaded(tmp_path, made))
    assert "what the values are" in page.warning[0].value
    assert page.radio(key="import_values").value is None and page.button(key="import_start").disabled
    page.radio(key="import_values").set_value("log").run()
    page.button(key="import_start").click().run()
    (info,) = store.datasets()
    assert info.recipe[0]["settings"]["values"] == "log" and not any("log(1" in each for each in info.steps)


def test_a_data_set_is_prepared_again_with_its_choices(tmp_path) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    page.number_input(key="import_min_genes").set_value(20).run()
    page.button(key="import_start").click().run()
    (first,) = store.datasets()
    page.button(key=f"again_{first.id}").click().run()
    assert page.number_input(key="import_min_genes").value == 20 and "upload" in page.query_params
    page.number_input(key="import_components").set_value(5).run()
    page.button(key="import_start").click().run()
    assert not page.exception and [each.dim for each in store.datasets()] == [5, 30] and first in store.datasets()


def test_coordinates_need_no_filters_and_show_their_times(tmp_path) -> None:
    rows = [f"{k % 3},{k / 7},{(k * k) % 11 / 3}" for k in range(60)]
    upload = uploads.save_upload(io.BytesIO("\n".join(["samples,x1,x2", *rows]).encode()), "a.csv")
    page = opened("data", upload=upload)
    assert "### 2. When was each cell measured?" in shown(page) and "60 cells used" in shown(page)
    assert "All 2 columns are the axes" in shown(page) and not page.exception
    page.selectbox(key="import_unit_samples").set_value("hour").run()
    page.button(key="import_start").click().run()
    assert store.datasets()[0].counts == (20, 20, 20)


@pytest.fixture
def dragged(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str], list[str]], None]:
    """Sets what the browser answers: the order of the list, and the labels that are left out."""
    answer: dict[str, dict] = {}
    monkeypatch.setattr(label_order, "_draw", lambda **given: answer or given["default"])
    return lambda order, left_out: answer.update(arranged={"order": order, "left_out": left_out})


def test_a_label_is_left_out_of_the_order_and_comes_back(tmp_path, dragged) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    page.toggle(key="import_order_day").set_value(True).run()
    dragged(["d5", "d0", "d2"], ["d0"])
    page.run()
    assert "**0 → 1**" in shown(page) and "left out: d0" in shown(page) and not page.exception
    dragged(["d5", "d0", "d2"], [])
    page.run()
    assert "**0 → 1 → 2** · 240 cells used" in shown(page)
    page.toggle(key="import_order_day").set_value(False).run()
    page.button(key="import_start").click().run()
    (info,) = store.datasets()
    assert "d0 is 0, d2 is 2, d5 is 5" in "".join(info.steps) and info.time_unit == "day"


def test_any_column_can_be_the_time_and_open_labels_are_asked_for(tmp_path, dragged) -> None:
    made = held()
    made.obs = pd.DataFrame({"treatment": np.resize(["unst", "lps2", "lps4"], 240)}, index=made.obs_names)
    page = opened("data", upload=uploaded(tmp_path, made))
    page.selectbox(key="import_column").set_value("treatment").run()
    assert "lps2 (80 cells), lps4 (80 cells), unst (80 cells)" in shown(page)
    assert page.button(key="import_start").disabled
    page.toggle(key="import_order_treatment").set_value(True).run()
    assert "**0 → 1 → 2** · 240 cells used" in shown(page) and not page.exception
    assert page.selectbox(key="import_unit_treatment_ordered").value == "stage"
    dragged(["unst", "lps2", "lps4", "gone"], [])
    page.run()
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (info,) = store.datasets()
    assert info.times == (0.0, 1.0, 2.0) and info.counts == (80, 80, 80)
    assert "unst is 0, lps2 is 1, lps4 is 2" in "".join(info.steps)


def test_postnatal_days_are_counted_on_from_birth(tmp_path) -> None:
    made = held()
    made.obs = pd.DataFrame({"age": np.resize(["E14", "E18", "P0", "P7"], 240)}, index=made.obs_names)
    page = opened("data", upload=uploaded(tmp_path, made))
    assert "P0 (60 cells), P7 (60 cells)" in shown(page) and page.button(key="import_start").disabled
    page.number_input(key="import_birth_age").set_value(19.0).run()
    assert "**14 → 18 → 19 → 26**" in shown(page)
    page.button(key="import_start").click().run()
    (info,) = store.datasets()
    assert info.times == (14.0, 18.0, 19.0, 26.0) and info.time_unit == "embryonic day"


def test_what_is_kept_names_controls_of_the_page(tmp_path) -> None:
    made = held()
    made.X = made.X.toarray()
    made.X[:40, 3] = np.nan
    made.obsm["X_pca"], made.obsm["velocity_pca"] = np.ones((240, 5)), np.ones((240, 5))
    made.obsm["X_atac"], made.obsm["X_protein"] = np.ones((240, 6)), np.ones((240, 7))
    page = opened("data", upload=uploaded(tmp_path, made))
    reasons = " ".join(page.dataframe[0].value["as what, or why not"])
    assert "“X_pca” as stored in the file" in reasons and "--" not in reasons + shown(page)
    labels = {each.label for kind in ("toggle", "selectbox") for each in page.get(kind)}
    assert {"Leave out genes with a missing value", "Leave out cells with a missing value"} <= labels
    assert "Second modality of the same cells" in labels
