"""Damaged run folders, one of each kind, beside a whole one: every page opens, and the lists go on without them."""

from __future__ import annotations

import pytest

from cellflow_core.runs import index
from cellflow_core.runs.attempt import claim
from tests import ROOT
from tests.pages.test_pages import opened
from tests.toys import finished, recipe, stored

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.faults]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem not in ("__init__", "frame"))
FILES = {"label.json": "", "recipe.json": '{"model": "i-c', "result.json": "[]", "spec.json": "{", "lease.json": "[]"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_beside_damaged_runs(page: str) -> None:
    dataset = stored()
    finished(recipe(dataset))
    for name, text in FILES.items():
        (finished(recipe(dataset)).folder / name).write_text(text)
    finished(recipe(dataset)).folder.joinpath("model.pt").write_bytes(b"")
    index.submit(recipe(dataset, model="gone")).end("done", "")
    attempt = claim(index.submit(recipe(dataset)).folder, "test")
    for name in ("claim.json", "heartbeat.json", "exit.json", "metrics.jsonl"):
        (attempt.folder / name).write_text("[]")
    (index.submit(recipe(dataset)).folder / "attempts").write_text("")
    shown = opened(page)
    assert not shown.exception and "could not be shown" not in " ".join(each.value for each in shown.error)
    if page == "runs":
        assert any("recipe.json" in each.value for each in shown.warning)
