"""Every page of a run offers the script of what it asked, and the report of the run."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests import ROOT, toys

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(("page", "asked"), [("flow", "('flow'"), ("fates", "('fates'")])
def test_the_script_of_a_page_has_what_it_asked(page: str, asked: str):
    run = toys.finished(toys.recipe(toys.stored()))
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    app.query_params["run"] = run.id
    app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception
    script = next(each.value for each in app.code)
    assert asked in script and run.id in script
    compile(script, "view.py", "exec")
