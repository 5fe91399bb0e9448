"""Models that are transport plans: what is stored of them."""

from __future__ import annotations

import io

import torch

from cellflow_core.data.snapshots import Spec
from cellflow_core.models import registry
from cellflow_core.models.contract import Plan

SPEC = Spec(dim=20, times=(0.0, 1.0), center=(0.0,) * 20, scale=1.0, interval=1.0)


def plan() -> Plan:
    rng = torch.Generator().manual_seed(0)
    x0, x1 = torch.randn(60, 20, generator=rng), torch.randn(50, 20, generator=rng)
    row, column = torch.arange(60).repeat_interleave(16), torch.randint(50, (960,), generator=rng)
    weight = torch.rand(960, generator=rng)
    return Plan(0.0, 1.0, x0[row], x1[column], weight, 2 * weight)


def same(one: Plan, other: Plan) -> bool:
    assert one.later is not None and other.later is not None
    tensors = ((getattr(each, name) for name in ("x0", "x1", "weight", "later")) for each in (one, other))
    return (one.t0, one.t1) == (other.t0, other.t1) and all(map(torch.equal, *tensors))


def test_each_cell_is_stored_once_however_many_partners_it_has():
    model, made = registry.create("waddington-ot", {}, SPEC, 0), plan()
    model.plans = (made,)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    assert file.tell() < 0.3 * 2 * made.x0.nbytes
    file.seek(0)
    again = registry.create("waddington-ot", {}, SPEC, 0)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert same(again.coupling(0), made)


def test_plans_that_were_stored_with_the_cells_of_every_pair_are_read():
    model, made = registry.create("mccann", {}, SPEC, 0), plan()
    model.load_state_dict({"_extra_state": {"0": dict(vars(made))}})
    assert same(model.coupling(0), made)
