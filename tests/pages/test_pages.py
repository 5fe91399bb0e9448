"""Every page opens through its frame, on an empty home and with the demo, and the page scripts stay light."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.importing import demos, uploads
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.jobs.recipes import recipes
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe
from cellflow_core.workspace import current
from pages.parts.training import model_picker
from pages.parts.training.demo import run_of_demo
from pages.parts.widgets import selectors
from tests import ROOT, toys

PAGES = sorted(each.stem for each in (ROOT / "pages").glob("*.py") if each.stem not in ("__init__", "frame"))
HEAVY = ("torch", "scanpy", "anndata", "sklearn", "umap")


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def demo() -> store.DatasetInfo:
    toys.built_once("demo", current().data, lambda: demos.make("toggle"))
    return store.datasets()[0]


def opened(name: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    for key, value in query.items():
        page.query_params[key] = value
    page.switch_page(str(ROOT / "pages" / f"{name}.py")) if name != "home" else None
    page.run()
    assert not page.exception, page.exception
    return page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_on_an_empty_home(name: str) -> None:
    page = opened(name)
    assert page.title or page.header
    assert not page.error


@pytest.mark.parametrize("name", ["home", "data", "train", "runs"])
def test_a_page_opens_with_the_demo(name: str, demo: store.DatasetInfo) -> None:
    page = opened(name)
    assert not page.error
    if name in ("data", "train"):
        assert page.selectbox(key="pick_dataset").value == demo.id
        assert page.query_params["dataset"] == demo.id


@pytest.mark.parametrize("name", [each for each in PAGES if each not in ("data", "train")])
def test_a_page_opens_with_a_trained_model(name: str, demo: store.DatasetInfo) -> None:
    (recipe,) = recipes(demo.id, "ot-cfm", "quick", {}, {"steps": 20}, seeds=(0,))
    run = toys.finished(recipe)
    page = opened(name, run=run.id)
    assert not page.error
    if name not in ("home", "learn", "runs", "compare", "courses", "admin"):  # these cells are no individuals
        assert page.selectbox(key="pick_run").value == run.id


def test_a_box_lists_a_few_of_many_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "MOST_LISTED", 2)
    ours, others = toys.stored(toys.drifting(2)), toys.stored(toys.drifting(3), label="others")
    made = [index.submit(toys.recipe(data, seed=seed)) for data in (ours, others) for seed in range(3)]
    for run in made:
        run.end("done", "")
    page = opened("flow", run=made[0].id)
    box = page.selectbox(key="pick_run")
    assert (box.value, len(box.options)) == (made[0].id, 2) and all(ours in each for each in box.options)
    assert any(each.value == "2 of 6 trained models, of these data first." for each in page.caption)


def test_what_is_tried_on_the_demo_does_not_change_the_first_page(demo: store.DatasetInfo) -> None:
    made = [recipes(demo.id, model, "quick", {}, {"steps": 20}, seeds=(0,))[0] for model in ("ot-cfm", "i-cfm")]
    first, later = (index.submit(each) for each in made)
    assert run_of_demo() is None
    InProcess().start(later)
    assert (run_of_demo() or first).id == later.id
    InProcess().start(first)
    assert (run_of_demo() or later).id == first.id
    store.delete(demo.id)
    assert run_of_demo() is None


def test_a_link_to_what_is_gone_is_told(demo: store.DatasetInfo) -> None:
    page = opened("data", dataset="20200101-000000-abcdef00")
    assert "not here" in page.warning[0].value
    assert page.selectbox(key="pick_dataset").value == demo.id


def test_a_stale_upload_is_told() -> None:
    assert "choose the file again" in opened("data", upload="../../etc").error[0].value


def test_an_upload_is_guided_to_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.data.preprocessing.umap.add_umap", lambda id: None)
    rows = [f"{k % 7 + 0.1},{k % 5 + 0.5},Day {k % 3 * 2}" for k in range(90)]
    upload = uploads.save_upload(io.BytesIO("\n".join(["x,y,when", *rows]).encode()), "little.csv")
    page = opened("data", upload=upload)
    assert page.selectbox(key="import_column").value == "when"
    assert page.selectbox(key="import_unit_when").value == "day"
    page.text_input(key="import_label").set_value("My little cells").run()
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (made,) = store.datasets()
    assert (made.label, made.times, made.counts) == ("My little cells", (0.0, 2.0, 4.0), (30, 30, 30))
    assert page.query_params["dataset"] == made.id and "upload" not in page.query_params


def test_bad_input_is_one_sentence() -> None:
    page = opened("data", upload=uploads.save_upload(io.BytesIO(b"this is text"), "cells.h5ad"))
    (error,) = page.error
    assert error.value.startswith("cells.h5ad holds 0 cells and 0 features")


def test_a_data_set_is_renamed_deleted_and_brought_back(demo: store.DatasetInfo) -> None:
    page = opened("data")
    page.text_input(key=f"rename_{demo.id}").set_value("My <b>cells</b>").run()
    page.button(key="rename_save").click().run()
    assert store.open_dataset(demo.id).info.label == "My <b>cells</b>"
    page.button(key="delete_dataset").click().run()
    assert not store.datasets() and page.query_params["deleted_dataset"] == demo.id
    page.button(key="undo_dataset").click().run()
    assert [each.id for each in store.datasets()] == [demo.id]
    assert not page.exception


def test_start_queues_a_run_and_its_copy_without_a_time(demo: store.DatasetInfo) -> None:
    page = opened("train", model="sf2m")
    assert page.radio(key="train_model").value == "sf2m"
    page.number_input(key="train_seeds").set_value(2).run()
    page.button(key="train_start").click().run()
    assert not page.exception and not page.error
    found = [(run.recipe.model, run.recipe.seed, run.recipe.hold_out) for run in reversed(index.runs())]
    assert found == [("sf2m", 0, None), ("sf2m", 1, None), ("sf2m", 0, 2.0)]
    assert len({run.recipe.group for run in index.runs()}) == 1
    first = index.runs()[-1]
    page.button(key=f"cancel_{first.id}").click().run()
    assert first.status().state == "cancelled"


def test_a_model_that_does_not_fit_the_data_cannot_be_started(demo: store.DatasetInfo) -> None:
    page = opened("train", model="moslin")
    why = "Needs lineage barcodes, which these data do not have."
    assert page.button(key="train_start").disabled
    assert any(each.value.endswith(f"moslin cannot be trained here. {why}") for each in page.caption)
    page = opened("train", model="ot-cfm")
    assert not page.button(key="train_start").disabled and not any(why in each.value for each in page.caption)


def test_the_guide_asks_and_ranks(demo: store.DatasetInfo) -> None:
    page = opened("train")
    before = page.radio(key="train_model").options
    assert "try this first" in before[0] and any("At held-out times" in each.value for each in page.markdown)
    page.get("button_group")[0].set_value(["motion", "stochasticity"]).run()
    assert not page.exception and page.radio(key="train_model").options != before
    page.selectbox(key="train_other").set_value("ot-displacement").run()
    assert page.radio(key="train_model").value == "ot-displacement" and page.query_params["model"] == "ot-displacement"
    assert any("Does not learn a field that moves any cell" in each.value for each in page.markdown)


def test_the_wishes_fit_one_row_of_a_phone() -> None:
    of_cells = [words for name, words in model_picker.ASKED.items() if name != "individuals"]
    assert sum(map(len, of_cells)) <= 32  # data of individuals have one more


def test_a_run_is_offered_the_name_of_its_variant(demo: store.DatasetInfo) -> None:
    page = opened("train", model="action-matching")
    usual = page.text_input[-1].value
    page.selectbox(key="set_action-matching_variant").set_value("entropic").run()
    assert usual == "Action Matching, standard" and page.text_input[-1].value == "Action Matching (entropic), standard"


def test_changed_settings_are_measured_anew(demo: store.DatasetInfo) -> None:
    page = opened("train", model="i-cfm")
    message = "With these settings: "
    assert not any(each.value.startswith(message) for each in page.caption)
    page.number_input(key="set_i-cfm_width").set_value(16).run()
    assert not page.exception
    assert sum(each.value.startswith(message) and each.value.endswith(" each.") for each in page.caption) == 1


def test_a_setting_or_seeds_out_of_bounds_start_nothing(demo: store.DatasetInfo) -> None:
    page = opened("train", model="i-cfm")
    page.number_input(key="set_i-cfm_width").set_value(-5).run()
    message = "Hidden width must be a whole number from 4 to 4096, not -5 (setting width)."
    assert [each.value for each in page.error] == [message] and page.button(key="train_start").disabled
    assert f":material/block: {message}" in [each.value for each in page.caption] and not page.exception
    page.number_input(key="set_i-cfm_width").set_value(16)
    page.number_input(key="train_seeds").set_value(99).run()
    assert [each.value for each in page.error] == [
        "Number of seeds must be a whole number from 1 to 10, not 99 (setting seeds)."
    ]
    assert page.button(key="train_start").disabled
    page.number_input(key="train_seeds").set_value(2).run()
    assert not page.button(key="train_start").disabled and not page.error


def test_settings_that_clash_only_together_start_nothing(demo: store.DatasetInfo) -> None:
    page = opened("train", model="jkonet-star")
    page.selectbox(key="set_jkonet-star_landscape").set_value("moving").run()
    assert not page.error and not page.button(key="train_start").disabled
    page.toggle(key="set_jkonet-star_diffusion").set_value(True).run()
    (message,) = (each.value for each in page.error)
    assert message.startswith("The landscape is moving and diffusion on, but") and "choose a fixed landscape" in message
    assert page.button(key="train_start").disabled and not page.exception
    assert f":material/block: {message}" in [each.value for each in page.caption]
    page.selectbox(key="set_jkonet-star_landscape").set_value("fixed").run()
    assert not page.error and not page.button(key="train_start").disabled


def test_a_run_is_filtered_renamed_deleted_and_brought_back(demo: store.DatasetInfo) -> None:
    runs = [index.submit(Recipe(model, demo.id, demo.fingerprint, label=model)) for model in ("ot-cfm", "i-cfm")]
    runs[0].end("failed", "the disk is full")
    page = opened("runs")
    assert "The disk is full" in page.error[0].value
    page.multiselect(key="filter_model").set_value(["i-cfm"]).run()
    assert not page.error
    page.multiselect(key="filter_model").set_value([]).run()
    page.text_input(key=f"label_{runs[0].id}").set_value("first try").run()
    page.button(key=f"rename_{runs[0].id}").click().run()
    assert runs[0].label == "first try"
    page.button(key=f"delete_{runs[0].id}").click().run()
    assert [run.id for run in index.runs()] == [runs[1].id]
    page.button(key="undo_run").click().run()
    assert len(index.runs()) == 2
    page.button(key=f"retry_{runs[0].id}").click().run()
    assert runs[0].status().state == "queued"
    assert not page.exception


def test_page_scripts_import_nothing_heavy(tmp_path: Path) -> None:
    """What app.py and the pages import, without what their calls do, leaves the heavy libraries alone."""
    script = f"""
import ast, sys
for path in ["app.py", *{[f"pages/{name}.py" for name in ("frame", *PAGES)]}]:
    tree = ast.parse(open(path).read())
    lines = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(lines, []), path, "exec"), {{}})
print(",".join(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_form_of_a_training_keeps_its_values_on_a_page_change(demo: store.DatasetInfo) -> None:
    page = opened("train", model="i-cfm")
    page.number_input(key="train_seeds").set_value(3)
    page.number_input(key="set_i-cfm_width").set_value(16).run()
    assert any(each.value.startswith("4 runs, ") for each in page.caption)
    page.switch_page(str(ROOT / "pages" / "data.py")).run()
    page.switch_page(str(ROOT / "pages" / "train.py")).run()
    assert page.radio(key="train_model").value == "i-cfm"
    assert page.number_input(key="train_seeds").value == 3
    assert page.number_input(key="set_i-cfm_width").value == 16


def test_runs_of_a_comparison_are_one_line_on_home_and_a_list_of_their_own(demo: store.DatasetInfo) -> None:
    for seed in range(6):
        index.submit(Recipe("i-cfm", demo.id, demo.fingerprint, hold_out=2.0, seed=seed, group="compared"))
    run = index.submit(Recipe("ot-cfm", demo.id, demo.fingerprint, label="the trained one"))
    page = opened("home")
    text = " ".join(each.value for each in (*page.markdown, *page.caption))
    assert "0 of 6 runs ended" in text and text.count(demo.label) == 2
    page = opened("runs")
    assert [each.label for each in page.checkbox] == ["Compare losses"]
    page.segmented_control(key="filter_kind").set_value("comparisons").run()
    assert len(page.checkbox) == 6 and not page.exception and run.label == "the trained one"


def test_own_data_begin_at_the_upload() -> None:
    page = opened("home")
    page.button(key="own_data").click().run()
    assert page.segmented_control(key="from").value == "Upload"
