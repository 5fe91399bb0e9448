"""Groups over time on the page Time, and the mass between them on the page Fates."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests import ROOT, toys
from tests.unit.reporting.test_view_scripts import genes

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    ("page", "query", "words"),
    [
        ("time", {}, ("Groups over time", "in the cells that take each fate")),
        ("fates", {"part": "Between times"}, ("goes to another kind",)),
    ],
)
def test_groups_are_followed_over_time(page: str, query: dict[str, str], words: tuple[str, ...]):
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    for name, value in {"run": toys.finished(toys.recipe(toys.stored(genes()))).id, **query}.items():
        app.query_params[name] = value
    app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception and not app.error
    shown = " ".join(each.value for each in (*app.header, *app.markdown))
    assert all(each in shown for each in words)
