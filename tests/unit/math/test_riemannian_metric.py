"""Metrics that make space long away from the cells: the sums are those of the printed formulas."""

from __future__ import annotations

import torch

from cellflow_core.math.riemannian_metric import Land


def test_land_is_the_formula_and_so_is_its_slope():
    rng = torch.Generator().manual_seed(0)
    cells = torch.randn(700, 3, generator=rng) * torch.tensor([1.0, 2.0, 0.5]) + 40.0
    x = (40 + torch.randn(600, 3, generator=rng)).requires_grad_()

    def formula(at: torch.Tensor, width: float) -> torch.Tensor:
        away = at[:, None].double() - cells.double()
        weight = (-away.square().sum(dim=2) / (2 * width**2)).exp()
        return (weight[:, :, None] * away.square()).sum(dim=1)

    near = torch.cdist(cells.double(), cells.double()).sort(dim=1).values[:, 5].median()
    width = 1.5 * float(near)
    unit = formula(cells, width).sort(dim=0).values[(len(cells) - 1) // 2]
    expected = (formula(x, width) / unit + 0.1) ** -2.0
    found = Land.of(cells, 1.5, 0.1, 2.0)(x)
    torch.testing.assert_close(found.double(), expected, rtol=2e-3, atol=1e-3)
    (slope,) = torch.autograd.grad(found.log().sum(), x)
    (wanted,) = torch.autograd.grad(expected.log().sum(), x)
    torch.testing.assert_close(slope, wanted.float(), rtol=2e-2, atol=2e-2)


def test_cells_that_stand_in_one_place_and_cells_far_away_leave_no_hole():
    torch.testing.assert_close(Land.of(torch.ones(30, 2), 1.0, 0.1, 1.0)(torch.ones(3, 2)), torch.full((3, 2), 10.0))
    rng = torch.Generator().manual_seed(0)
    cells = torch.cat([0.01 * torch.randn(500, 5, generator=rng), torch.full((3, 5), 1e4)])
    assert torch.isfinite(Land.of(cells, 1.0, 0.1, 1.0)(cells)).all()
