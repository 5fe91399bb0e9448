"""A screen of genes, where the field says which of them turn cells away from their state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.analysis.perturbations.screen import ABSENT, SILENT, UNKNOWN, screen
from cellflow_core.analysis.results import PerturbationScreen
from cellflow_core.data.snapshots import Snapshots
from tests.truth.analysis.test_knock_out_answers import DATA, VIEW, Developing

pytestmark = pytest.mark.truth
NAMES = np.where(DATA.x[:, 0] > 6, "mature", np.where(DATA.x[:, 0] > 2, "half way", "early"))


def grown() -> Snapshots:
    """The same cells, the last of which are mature or, of those that never left, early."""
    last = DATA.t == 4
    stay = np.flatnonzero(last)[:40]
    x = DATA.x.copy()
    x[stay, :2] -= 5.0
    names = np.where(last, "mature", "none")
    names[stay] = "arrested"
    return replace(DATA, x=x, channels={**DATA.channels, "labels": {"state": names}})


@pytest.fixture(scope="module")
def found() -> PerturbationScreen:
    genes = ("Driver", "Idle", "Target", "Other9", "Other10", "Nobody", "Driver")
    return screen(Developing(grown()), grown(), VIEW, genes, states="state")


def test_the_driver_comes_first_and_bystanders_change_nothing(found: PerturbationScreen) -> None:
    assert found.genes == ("Driver", "Idle", "Target", "Other9", "Other10", "Nobody")
    mature = found.names.index("mature")
    change = dict(zip(found.genes, found.change[:, mature], strict=True))
    assert change["Driver"] < -0.9 and change["Target"] == change["Other9"] == 0
    q, rank = (dict(zip(found.genes, each[:, mature], strict=True)) for each in (found.q, found.rank))
    assert q["Driver"] < 1e-6 and q["Target"] == 1 and rank["Driver"] == 0 and rank["Target"] == 1
    assert found.low[0, mature] <= found.change[0, mature] <= found.high[0, mature]


def test_what_cannot_be_perturbed_has_a_reason(found: PerturbationScreen) -> None:
    assert found.reasons[-1] == UNKNOWN and np.isnan(found.change[-1]).all()
    data = grown()
    assert screen(Developing(data), data, VIEW, ("Nobody",), states="state", measured={"Nobody"}).reasons == (ABSENT,)
    x = data.x.copy()
    x[:, 4] = 0.0
    quiet = replace(data, x=x)
    (reason,) = screen(Developing(quiet), quiet, VIEW, ("Idle",), states="state").reasons
    assert reason == SILENT


def test_other_seeds_widen_the_interval(found: PerturbationScreen) -> None:
    data = grown()
    models = [Developing(data, each) for each in ("arrest", "nothing")]
    both = screen(models[0], data, VIEW, ("Driver",), states="state", siblings=models[1:])
    mature = both.names.index("mature")
    assert both.models == 2 and both.change[0, mature] == pytest.approx(found.change[0, mature] / 2, abs=0.05)
    assert both.low[0, mature] < -0.9 and both.high[0, mature] > -0.1


def test_bad_questions_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="0 genes are named: a screen takes 1 to 300"):
        screen(Developing(), DATA, VIEW, ())


def test_a_screen_comes_back_from_its_file(found: PerturbationScreen, tmp_path) -> None:
    found.save(tmp_path / "screen.npz")
    again = PerturbationScreen.load(tmp_path / "screen.npz")
    assert again.genes == found.genes and np.array_equal(again.change, found.change, equal_nan=True)
