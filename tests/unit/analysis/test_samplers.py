"""What models that draw cells, instead of moving them, can answer."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.fates import fate_map
from cellflow_core.analysis.flow import flow_field
from cellflow_core.analysis.gene_trend import gene_trend
from cellflow_core.analysis.landscape import landscape
from cellflow_core.analysis.perturbations.edges_cut import EdgesCut
from cellflow_core.analysis.perturbations.initial_shift import Shifted
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.time_course import time_course
from cellflow_core.models.contract import HasSampler, HasVelocity
from tests.unit.analysis.splitting import DATA, VIEW, Made


class Jumping(Made, HasSampler):
    """Cells go up by chance: those of Side > 0, twice as fast."""

    def sample(self, x0, times, rng, context):
        speed = 1 + (x0[:, 1:2] > 0) + 0.1 * torch.randn(len(x0), 1, generator=rng)
        return torch.stack([x0 + (t - times[0]) * speed * torch.tensor([1.0, 0.0, 0.0]) for t in times])


class Drawing(Made, HasSampler):
    """Another population at each time, ten states to the right of the last."""

    tracks_cells = False

    def sample(self, x0, times, rng, context):
        return torch.stack([x0, *(10 * t + torch.randn(x0.shape, generator=rng) for t in times[1:])])


class JumpingInAField(Jumping, HasVelocity):
    """The same, with a field that goes to the right."""

    def velocity(self, t, x, context):
        return torch.tensor([0.0, 1.0, 0.0]).expand_as(x)


def test_without_noise_a_sampler_with_a_field_is_followed_along_it():
    start, times = DATA.at(0.0), [0.0, 2.0]
    moved = simulate(JumpingInAField(), start, times, noise=False).x[-1]
    np.testing.assert_allclose(moved - start, np.tile([0, 2, 0], (len(start), 1)), atol=1e-5)
    drawn = simulate(JumpingInAField(), start, times).x[-1]
    np.testing.assert_array_equal(drawn, simulate(Jumping(), start, times).x[-1])


def test_a_sampler_with_a_field_starts_from_shifted_cells_and_holds_no_gene():
    model, start = JumpingInAField(), DATA.at(0.0)
    shift = Shifted(model, DATA, {"Still": 2.0})
    moved = simulate(shift, start, [0.0, 1.0]).x[-1]
    gene = DATA.space.genes.index("Still")
    expected = DATA.x[:, gene].mean() + 2 * DATA.x[:, gene].std()
    np.testing.assert_allclose(moved[:, gene], expected, atol=1e-4)
    with pytest.raises(ValueError, match="in a latent state, where no gene can be held: choose"):
        perturbation(model, DATA, VIEW, "Up", states="kind")
    with pytest.raises(ValueError, match="in which no gene sees another"):
        simulate(EdgesCut(model, {0: {1: 0.0}}), start, [0.0, 1.0])


def test_a_sampler_that_follows_cells_gives_fates_a_course_a_trend_and_a_surface():
    model = Jumping()
    ends = fate_map(model, DATA, VIEW, "kind")
    assert ends.share.sum() == pytest.approx(1) and any("4 draws of its partners" in each for each in ends.notes)
    assert np.isfinite(time_course(model, DATA, VIEW).w1[1:]).all()
    assert np.isfinite(gene_trend(model, DATA, "Up").mean).all()
    surface = landscape(model, DATA, VIEW)
    assert "has no field that could be followed" in surface.notes[0] and np.isnan(surface.non_gradient)


def test_a_sampler_that_follows_no_cell_shows_populations_only():
    model = Drawing()
    made = simulate(model, DATA.at(0.0), [0.0, 1.0, 3.0])
    assert not made.tracks_cells and made.notes[0].startswith("Made up draws other cells at each time but the first")
    assert "outside times 0 to 2: there the cells are those of the nearest measured time" in made.notes[1]
    for found in (time_course(model, DATA, VIEW), gene_trend(model, DATA, "Up")):
        assert any("not what becomes of a cell" in each for each in found.notes)
    for ask in (lambda: fate_map(model, DATA, VIEW, "kind"), lambda: landscape(model, DATA, VIEW)):
        with pytest.raises(ValueError, match="follows none"):
            ask()


@pytest.mark.parametrize("kind", [Jumping, Drawing])
def test_a_sampler_has_no_arrows_and_no_knock_out(kind):
    model = kind()
    with pytest.raises(ValueError, match="sampler"):
        flow_field(model, DATA, VIEW)
    with pytest.raises(ValueError, match="samples cells"):
        perturbation(model, DATA, VIEW, "Up", states="kind")
