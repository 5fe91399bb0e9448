"""A network that sees the interval, and reads the weights of one that did not."""

from __future__ import annotations

import torch

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.networks.interval_mlp import IntervalMLP
from cellflow_core.models.networks.time_mlp import TimeMLP

SPEC = DataSpec(dim=2, times=(0.0, 1.0, 2.0, 3.0), center=(5.0, -1.0), scale=2.0, interval=1.0)
X = torch.tensor([[4.0, 1.0]])


def at(net: IntervalMLP | TimeMLP, *times: float) -> torch.Tensor:
    t = torch.tensor(times)
    return net(t, X.expand(len(t), -1)).detach()


def test_it_jumps_at_measured_times_only_and_goes_on_beyond_them():
    torch.manual_seed(0)
    net = IntervalMLP(SPEC, 2, 16, 2)
    just = 1e-6
    jumps = [float((at(net, t) - at(net, t - just)).abs().max()) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]
    assert [each > 1e-3 for each in jumps] == [False, False, True, False, True, False, False]


def test_weights_of_a_network_without_intervals_say_the_same():
    torch.manual_seed(0)
    before, after = TimeMLP(SPEC, 2, 16, 2, unit=3.0), IntervalMLP(SPEC, 2, 16, 2, unit=3.0)
    after.load_state_dict(before.state_dict())
    times = (-0.5, 0.0, 0.7, 1.0, 2.0, 3.0, 3.5)
    torch.testing.assert_close(at(after, *times), at(before, *times))
    again = IntervalMLP(SPEC, 2, 16, 2, unit=3.0)
    again.load_state_dict(after.state_dict())
    assert torch.equal(at(again, *times), at(after, *times))
