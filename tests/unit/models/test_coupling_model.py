"""Models that are transport plans: what is stored of them, and what is noted."""

from __future__ import annotations

import io
from dataclasses import replace

import torch

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models import registry
from cellflow_core.models.contract import TransportPlan

SPEC = DataSpec(dim=20, times=(0.0, 1.0), center=(0.0,) * 20, scale=1.0, interval=1.0)


def plan() -> TransportPlan:
    rng = torch.Generator().manual_seed(0)
    x0, x1 = torch.randn(60, 20, generator=rng), torch.randn(50, 20, generator=rng)
    row, column = torch.arange(60).repeat_interleave(16), torch.randint(50, (960,), generator=rng)
    weight = torch.rand(960, generator=rng)
    return TransportPlan(0.0, 1.0, x0[row], x1[column], weight, 2 * weight)


def same(one: TransportPlan, other: TransportPlan) -> bool:
    assert one.target_mass is not None and other.target_mass is not None
    tensors = ((getattr(each, name) for name in ("x0", "x1", "weight", "target_mass")) for each in (one, other))
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
    model, made = registry.create("ot-displacement", {}, SPEC, 0), plan()
    model.load_state_dict({"_extra_state": {"0": dict(vars(made))}})
    assert same(model.coupling(0), made)


def test_tangent_offsets_are_stored_once_a_cell_too():
    straight = plan()
    of_cells = torch.randn(60, 20, generator=torch.Generator().manual_seed(1))
    late = straight.x1.flip(1)
    made = TransportPlan(
        0.0, 1.0, straight.x0, straight.x1, straight.weight, None, (of_cells.repeat_interleave(16, 0), late)
    )
    model = registry.create("transport-spline", {"coupling": "exact"}, SPEC, 0)
    model.plans = (made,)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    assert file.tell() < 0.3 * 4 * made.x0.nbytes
    file.seek(0)
    again = registry.create("transport-spline", {"coupling": "exact"}, SPEC, 0)
    again.load_state_dict(torch.load(file, weights_only=True))
    kept = again.coupling(0)
    assert kept.target_mass is None and kept.tangent_offsets is not None
    assert torch.equal(kept.tangent_offsets[0], made.tangent_offsets[0]) and torch.equal(kept.tangent_offsets[1], late)


def test_a_plan_that_did_not_converge_is_noted_and_stored():
    model, made = registry.create("waddington-ot", {}, SPEC, 0), plan()
    model.plans = (made,)
    assert model.notes() == ()
    model.plans = (replace(made, converged=False),)
    again = registry.create("waddington-ot", {}, SPEC, 0)
    again.load_state_dict(model.state_dict())
    assert again.notes() == model.notes() and "time 0 to 1 did not converge" in again.notes()[0]
