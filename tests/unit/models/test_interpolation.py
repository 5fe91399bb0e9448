"""Values at cells and between them."""

from __future__ import annotations

import torch

from cellflow_core.models.splicing.interpolation import Interpolation


def test_cells_are_looked_up_and_other_states_are_interpolated():
    rng = torch.Generator().manual_seed(0)
    states, values = torch.randn(60, 3, generator=rng), torch.randn(60, 2, generator=rng)
    states[1] = states[0]
    known = Interpolation(3)
    known.fill(states, values)
    asked = torch.cat([states, states[5:9] + 0.1])
    found = known.at_cells(asked)
    torch.testing.assert_close(found, known(asked), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[2:60], values[2:], atol=0, rtol=0)
    torch.testing.assert_close(found[0], values[:2].mean(dim=0))
    known.fill(states + 1, values)
    torch.testing.assert_close(known.at_cells(states[2:] + 1), values[2:], atol=0, rtol=0)
