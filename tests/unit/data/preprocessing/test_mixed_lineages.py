from __future__ import annotations

import numpy as np

from cellflow_core.data.preprocessing.mixed_lineages import find_mixed_lineages
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace


def cells(times: int = 2, foreign: int = 60, still: bool = False) -> Snapshots:
    """From progenitors to neurons, and endothelial cells far away; still: the same cell types at all times."""
    rng = np.random.default_rng(0)
    at = np.repeat(np.arange(float(times)), 300)
    along = rng.uniform(0, 1, len(at)) * (1 if still else 0.6) + (0 if still else 0.4 * at / max(times - 1, 1))
    x = np.c_[10 * along, rng.normal(0, 0.5, (len(at), 2))]
    kind = np.array(["progenitor", "neuroblast", "neuron"])[np.clip((3 * along).astype(int), 0, 2)]
    x = np.r_[x, rng.normal((0, 40, 0), 0.5, (foreign, 3))]
    at = np.r_[at, np.resize(np.arange(float(times)), foreign)]
    kind = np.r_[kind, np.full(foreign, "endothelial")]
    order = np.argsort(at, kind="stable")
    return Snapshots(
        x[order].astype(np.float32),
        at[order],
        AffineSpace.coordinates(("a", "b", "c")),
        "day",
        labels={"cell_type": kind[order]},
    )


def test_a_group_that_nothing_joins_is_named_with_its_share() -> None:
    found = find_mixed_lineages(cells())
    assert found is not None and list(found.groups) == ["endothelial"] and not found.overlap
    assert abs(found.groups["endothelial"] - 30 / 330) < 1e-9
    assert "endothelial (9% of the first cells)" in found.sentences[0]


def test_one_process_is_no_mixture() -> None:
    assert find_mixed_lineages(cells(foreign=0)) is None
    assert find_mixed_lineages(cells(times=3, foreign=0)) is None


def test_the_same_cell_types_at_two_times_may_be_two_ages() -> None:
    found = find_mixed_lineages(cells(foreign=0, still=True))
    assert found is not None and found.overlap > 0.9 and not found.groups
    assert "two ages" in found.sentences[0]


def test_without_cell_types_or_times_nothing_is_found() -> None:
    assert find_mixed_lineages(cells(times=1)) is None
    data = cells()
    assert find_mixed_lineages(Snapshots(data.x, data.t, data.space, "day")) is None
