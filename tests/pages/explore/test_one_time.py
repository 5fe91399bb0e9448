"""The views of a model that was trained on RNA velocities of one time: nothing later is compared with or asked for."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests import ROOT, toys

pytestmark = pytest.mark.usefixtures("quiet", "home")


def one_time() -> Snapshots:
    """400 cells of a bistable process, x' = x - x^3 and y' = -y, with their velocities."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(-1.3, 1.3, 400), rng.normal(0, 0.3, 400)], axis=1)
    v = np.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], axis=1)
    kind = np.where(x[:, 0] > 0, "right", "left")
    return Snapshots(x, np.zeros(400), AffineSpace.of_genes(("A", "B")), "day", velocity=v, labels={"side": kind})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flow", "no later cells can confirm"),
        ("landscape", "measured at one time"),
        ("fates", "measured at one time"),
    ],
)
def test_a_view_of_one_time(name, words):
    recipe = toys.recipe(
        toys.stored(one_time()), model="dynamo", settings={"control_points": 60}, training={"steps": 1}
    )
    run = toys.finished(recipe)
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    page.query_params["run"] = run.id
    page.switch_page(str(ROOT / "pages" / f"{name}.py"))
    page.run()
    assert not page.exception, page.exception
    assert not page.error, [each.value for each in page.error]
    shown = " ".join(each.value for kind in (page.markdown, page.caption, page.info) for each in kind)
    assert words in shown
    assert "coherent field is not a right one" in shown
    if name == "fates":
        assert "state 1" in shown and "state 2" in shown
