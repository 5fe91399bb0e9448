"""What the error at times that were left out says of a picture stands beside it."""

from __future__ import annotations

import numpy as np
import pytest

from tests import examples
from tests.pages.test_pages import opened
from tests.pages.test_views import ANSWERS, asked, message, run  # noqa: F401 - fixtures


@pytest.mark.parametrize("page", ["landscape", "fates", "perturb", "flow", "time"])
def test_a_roll_out_that_fails_at_one_time_is_said(page, run, asked, monkeypatch):  # noqa: F811
    bad = examples.course(w1=np.array([np.nan, 0.31, 0.36, 0.42, 2.2]))
    monkeypatch.setitem(ANSWERS, "course", lambda: bad)
    found = opened(page, run=run.id)
    assert "At day 4 the prediction is no better than no motion" in " ".join(each.value for each in found.warning)


@pytest.mark.parametrize("page", ["landscape", "fates", "perturb"])
def test_times_of_training_give_no_green_tick(page, run, asked, monkeypatch):  # noqa: F811
    monkeypatch.setitem(ANSWERS, "course", lambda: examples.course(in_training=np.ones(5, bool)))
    found = message(opened(page, run=run.id))
    assert "which it was trained on: that flatters any model" in found and "material/verified" not in found
