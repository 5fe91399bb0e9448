"""Derivatives that are written out, against automatic ones."""

from __future__ import annotations

import torch
from torch.func import jacrev, vmap

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.networks.time_mlp import TimeMLP

SPEC = DataSpec(dim=3, times=(1.0, 5.0), center=(10.0, -4.0, 0.0), scale=2.5, interval=4.0)


def network(out: int) -> TimeMLP:
    torch.manual_seed(0)
    return TimeMLP(SPEC, out, 16, 3, unit=0.7)


def points() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(6) * 4 + 1, torch.randn(6, 3) * 2.5


def test_slopes_along_directions_are_those_of_autograd():
    net, (t, x) = network(2), points()
    directions = torch.randn(6, 4, 3)
    value, slopes = net.jvp(t, x, directions)
    torch.testing.assert_close(value, net(t, x))
    jacobian = vmap(jacrev(lambda s, y: net(s[None], y[None])[0], argnums=1))(t, x)  # [batch, out, dim]
    torch.testing.assert_close(slopes, torch.einsum("bod,bkd->bko", jacobian, directions))


def test_the_gradient_and_the_change_in_time_are_those_of_autograd():
    net, (t, x) = network(1), points()
    in_t, in_x = vmap(jacrev(lambda s, y: net(s[None], y[None])[0, 0], argnums=(0, 1)))(t, x)
    found_t, found_x = net.gradient(t, x)
    torch.testing.assert_close(found_t, in_t)
    torch.testing.assert_close(found_x, in_x)
    torch.testing.assert_close(net.value_and_time_derivative(t, x)[1][:, 0], in_t)


def test_value_and_slopes_in_time_and_state_are_those_of_autograd():
    net, (t, x) = network(1), points()
    t, x = t.requires_grad_(), x.requires_grad_()
    value, change, slope = net.value_and_grad(t, x)
    torch.testing.assert_close(value, net(t, x)[:, 0])
    torch.testing.assert_close((change, slope), torch.autograd.grad(net(t, x).sum(), (t, x)))
    assert all(map(torch.equal, net.gradient(t, x), (change, slope)))
