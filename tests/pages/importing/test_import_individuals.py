"""The guided import of a table of individuals."""

from __future__ import annotations

import io

import pytest

from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from tests.pages.importing.test_import_guide import shown
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def no_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.data.preprocessing.umap.add_umap", lambda id: None)


def test_a_table_of_individuals_asks_for_the_unit_alone() -> None:
    rows = [f"{who},{t},,{4 - t * who / 9:.2f},cp,0,{60 + who}" for who in range(1, 6) for t in range(1, 6)]
    for who in range(5, 0, -1):
        rows.insert((who - 1) * 5, f"{who},0,100,,cp,1,{60 + who}")
    text = "\n".join(["ID,TIME,AMT,DV,DVID,EVID,WT", *rows])
    page = opened("data", upload=uploads.save_upload(io.BytesIO(text.encode()), "drug.csv"))
    sentence = (
        "5 individuals followed over time: 25 measurements of 1 variable (cp), 5 doses of 100; known of each: WT."
    )
    assert not page.exception and f"**{sentence}**" in shown(page) and "gene" not in shown(page).lower()
    assert page.button(key="import_start").disabled and "Choose the unit of time" in shown(page)
    page.selectbox(key="import_unit_time").set_value("hour").run()
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (info,) = store.datasets()
    data = store.open_dataset(info.id).snapshots()
    assert info.time_unit == "hour" and data.doses is not None and data.doses.subject.tolist() == [1, 2, 3, 4, 5]
    assert {each.label: each.value for each in page.metric}["Measurements"] == "25" and "again and again" in shown(page)
    assert info.steps[0] == "Read 25 samples from drug.csv"
    assert info.steps[-1] == "1 coordinate is the axis, as it stands in the file"
    reasons = {each["place"]: each["reason"] for each in info.contents}
    assert reasons["obs: WT"] == "number of each sample" and "cell" not in " ".join(reasons.values())
    assert "A step that changes samples makes a new data set" in shown(page)
