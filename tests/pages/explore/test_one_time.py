"""The views of a model that was trained on RNA velocities of one time, or of none: nothing later is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests import ROOT, toys

pytestmark = pytest.mark.usefixtures("quiet", "home")


def bistable(t: np.ndarray | None) -> Snapshots:
    """400 cells of a bistable process, x' = x - x^3 and y' = -y, with their velocities."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(-1.3, 1.3, 400), rng.normal(0, 0.3, 400)], axis=1)
    v = np.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], axis=1)
    kind = np.where(x[:, 0] > 0, "right", "left")
    return Snapshots(x, t, AffineSpace.of_genes(("A", "B")), "day", velocity=v, labels={"side": kind})


ONE, NONE = np.zeros(400), None


def opened(name: str, t: np.ndarray | None) -> tuple[AppTest, str]:
    recipe = toys.recipe(
        toys.stored(bistable(t)), model="dynamo", settings={"control_points": 60}, training={"steps": 1}
    )
    run = toys.finished(recipe)
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    page.query_params["run" if name not in ("data", "train", "compare") else "dataset"] = (
        run.id if name not in ("data", "train", "compare") else recipe.dataset
    )
    page.switch_page(str(ROOT / "pages" / f"{name}.py"))
    page.run()
    assert not page.exception, page.exception
    assert not page.error, [each.value for each in page.error]
    kinds = (page.markdown, page.caption, page.info, page.subheader, page.metric)
    return page, " ".join(each.value for kind in kinds for each in kind)


@pytest.mark.parametrize(
    ("name", "t", "words"),
    [
        ("flow", ONE, "measured at one time: no later cells can confirm"),
        ("flow", NONE, "No time of the cells is known: no later cells can confirm"),
        ("landscape", ONE, "measured at one time"),
        ("landscape", NONE, "the velocities' own time"),
        ("fates", ONE, "measured at one time"),
        ("fates", NONE, "No time of the cells is known"),
        ("perturb", ONE, "measured at one time"),
        ("perturb", NONE, "of the velocities' own time"),
    ],
)
def test_a_view_of_one_time_or_none(name, t, words):
    page, shown = opened(name, t)
    assert words in shown
    if t is None:
        assert "of time 0" not in shown and "at time 0" not in shown and "resemble cells measured" not in shown
    assert "coherent field is not a right one" in shown
    if name == "fates":
        assert page.segmented_control(key="count").value == "transitions"
        assert "state 1" in shown and "state 2" in shown


def test_a_view_that_compares_times_says_so():
    _, shown = opened("time", NONE)
    assert "Flow, Landscape, Fates and Perturb need no times" in shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data", "The time of these cells is not known"),
        ("train", "Learns a field that moves any cell"),
        ("compare", "has no times"),
        ("runs", "dynamo"),
    ],
)
def test_a_page_of_cells_without_a_time(name, words):
    _, shown = opened(name, NONE)
    assert words in shown
