"""The headline of a knock-out, where the field is made up so that what the knock-out does is known.

Cells develop along the first gene; the field says which gene stops, slows or deflects them.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.equivalent_time import equivalent_time
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasVelocity
from cellflow_core.reporting import perturbation_summaries, result_tables

pytestmark = pytest.mark.truth
GENES = ("Stage", "Marker", "Driver", "Guard", "Idle", "Target", *(f"Other{k}" for k in range(40)))
STAGE, MARKER, DRIVER, GUARD, IDLE, TARGET = range(6)


def developing(cells: int = 150) -> Snapshots:
    """One terminal state: Stage and Marker rise from 0 to 8 in four hours; all other genes stay as they are."""
    rng = np.random.default_rng(0)
    times = np.repeat(np.arange(5.0), cells)
    x = 0.2 * rng.normal(size=(len(times), len(GENES)))
    x[:, STAGE] += 2 * times
    x[:, MARKER] += 2 * times
    x[:, [DRIVER, GUARD]] = rng.uniform(0, 3, size=(len(times), 2))
    x[:, TARGET] = rng.uniform(0, 4, size=len(times))
    return Snapshots(x.astype(np.float32), times, AffineSpace.of_genes(GENES), "h")


DATA = developing()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)


class Developing(DynamicsModel, HasVelocity):
    """Stage and Marker rise by 2 an hour while Driver is on; without it cells do as `without` says. Without Guard three
    other genes run away."""

    title, summary, paper = "Made up", "For tests.", "none"
    Config = Config

    def __init__(self, data=DATA, without="arrest"):
        super().__init__(Config(), data.spec)
        self.without = without

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        v = torch.zeros_like(x)
        on = torch.sigmoid(1000 * (x[:, DRIVER] - 0.01))
        guarded = torch.sigmoid(1000 * (x[:, GUARD] - 0.01))
        rate = {
            "arrest": torch.where(x[:, STAGE] < 3.5, 1.0, on),
            "delay": 0.5 + 0.5 * on,
            "target": torch.ones_like(on),
            "nothing": torch.ones_like(on),
        }[self.without]
        v[:, STAGE] = v[:, MARKER] = 2 * rate
        if self.without == "target":
            v[:, TARGET] = -2 * x[:, TARGET] * (1 - on)
        v[:, 6:9] = 20 * (1 - guarded)[:, None]
        return v


def answer(model, gene, data=DATA, view=VIEW, **settings):
    found = perturbation(model, data, view, gene, **settings)
    return found, perturbation_summaries.of_perturbation(found)


def test_cells_of_a_measured_time_resemble_that_time():
    for time in DATA.times:
        assert equivalent_time(DATA, DATA.at(time)).mean() == pytest.approx(time, abs=0.1)
    between = (DATA.at(1.0)[:50] + DATA.at(2.0)[:50]) / 2
    assert equivalent_time(DATA, between).mean() == pytest.approx(1.5, abs=0.1)
    with pytest.raises(ValueError, match="two or more"):
        equivalent_time(replace(DATA, t=np.zeros(len(DATA.t))), between)


def test_an_arrest_is_said_with_the_stage_it_happens_at():
    found, headline = answer(Developing(), "Driver")
    assert found.names == ("state 1", "elsewhere") and found.after[1] > 0.99  # not counted to the nearest state
    np.testing.assert_allclose(found.end_time, [3.95, 1.8], atol=0.15)
    assert found.late_progress[0] > 0.9 and found.late_progress[1] < 0.1
    assert found.time_shift[0] < found.time_shift[1] < found.time_shift[2] < -1.8
    assert "Knocking out Driver arrests the cells: at hour 4 they resemble cells measured at hour 1." in headline.answer
    assert "lowers" in headline.answer and "Stage" in headline.answer and "Marker" in headline.answer
    assert headline.trust == "fair"


def test_a_delay_is_no_arrest():
    found, headline = answer(Developing(without="delay"), "Driver")
    np.testing.assert_allclose(found.end_time, [3.95, 2.0], atol=0.15)
    assert found.late_progress[1] == pytest.approx(0.5, abs=0.15)
    assert "Knocking out Driver delays the cells" in headline.answer and "arrest" not in headline.answer


def test_one_terminal_state_is_answered_by_the_genes_that_change():
    found, headline = answer(Developing(without="target"), "Driver")
    change = dict(zip(found.read_genes, found.gene_change, strict=True))
    assert change["Target"] == pytest.approx(-2, abs=0.2) and change["Stage"] == pytest.approx(0, abs=0.05)
    assert "lowers Target (-" in headline.answer and "Stage" not in headline.answer
    table = result_tables.of_changed_genes(found)
    assert table["gene"][0] == "Target" and {"change", "control genes, lowest"} <= set(table)


def test_cells_sent_outside_are_elsewhere_and_have_no_interval():
    found, headline = answer(Developing(), "Guard")
    assert found.names == ("state 1", "elsewhere")
    np.testing.assert_allclose(found.after, [0, 1])
    np.testing.assert_allclose(found.before, [1, 0], atol=0.02)
    assert found.end_distance[2] > 100 > 3 > found.end_distance[1]
    assert not found.has_interval and np.isnan(found.gene_low).all() and "outside the measured cells" in found.interval
    assert "sends 100% of the cells out of the measured data (" in headline.answer
    assert headline.trust == "poor" and "interval" not in headline.answer and "No interval" in headline.why
    assert "from" not in result_tables.of_perturbation(found) and "from" not in result_tables.of_changed_genes(found)


def test_a_gene_without_effect_changes_nothing():
    found, headline = answer(Developing(), "Idle")
    assert found.total_change < 0.01 and abs(found.time_shift[1]) < 0.1
    assert "changes nothing that stands out" in headline.answer and "one terminal state" in headline.answer
    assert "arrest" not in headline.answer and "nothing special about Idle" in headline.why


def test_a_gene_that_the_axes_hardly_hold_is_not_answered():
    rng = np.random.default_rng(1)
    loadings = np.eye(len(GENES))
    loadings[IDLE, IDLE] = 0.05
    axes = tuple(f"PC {k + 1}" for k in range(len(GENES)))
    data = replace(DATA, space=AffineSpace("pca", axes, GENES, np.zeros(len(GENES)), loadings))
    view = Embedding("pca", ("a", "b"), data.x[:, :2], data.x)
    measured = {"Idle": rng.normal(size=len(data.t)).clip(0)}
    found, headline = answer(Developing(data), "Idle", data, view, level=0.0, measured=measured)
    assert found.kept_variance < 0.1
    assert "cannot tell what knocking out Idle does" in headline.answer and headline.trust == "poor"
    assert "of the variance of Idle" in headline.why


def test_a_gene_that_the_axes_do_not_hold_is_refused():
    loadings = np.eye(len(GENES))
    loadings[IDLE, IDLE] = 0.0
    axes = tuple(f"PC {k + 1}" for k in range(len(GENES)))
    data = replace(DATA, space=AffineSpace("pca", axes, GENES, np.zeros(len(GENES)), loadings))
    with pytest.raises(ValueError, match="does not represent"):
        perturbation(Developing(data), data, VIEW, "Idle")
    with pytest.raises(KeyError, match="not in the model"):
        perturbation(Developing(data), data, VIEW, "Nowhere")


def test_far_from_every_state_is_elsewhere_and_measured_cells_are_not():
    ends = terminal_states(DATA)
    assert not ends.elsewhere(DATA.at(4.0)).any()
    assert ends.elsewhere(DATA.at(4.0) + 5).all()
    assert ends.undefined == 0
