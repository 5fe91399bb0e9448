"""Cells as bytes: what was packed is what the browser reads, to a pixel of a map magnified a hundred times."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cellflow_core.figures.cells.colouring import UNCOLOURED, Colouring
from cellflow_core.figures.cells.packed_map import Mark, Places, Stream, pack
from tests import examples

POINTS = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)


def unpacked(packed: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """As legend.js reads it."""
    size = int.from_bytes(packed[:4], "little")
    head = json.loads(packed[4 : 4 + size])
    arrays = {
        name: np.frombuffer(packed, each["kind"], each["length"], 4 + size + each["start"])
        for name, each in head["arrays"].items()
    }
    return head, arrays


def test_places_and_colours_come_back():
    colouring = Colouring("value", POINTS[:, 0])
    head, arrays = unpacked(pack(Places.of(POINTS), colouring, alt="cells"))
    low, high = np.array(head["low"]), np.array(head["high"])
    places = low + (arrays["place"].reshape(-1, 2) / 32767 + 1) / 2 * (high - low)
    shuffled = np.random.default_rng(0).permutation(len(POINTS))
    np.testing.assert_allclose(places, POINTS[shuffled], atol=2e-4)
    order = np.argsort(POINTS[shuffled, 0])
    assert (np.diff(arrays["code"][order].astype(int)) >= 0).all() and arrays["code"].max() == 254
    assert len(arrays["colours"]) == 3 * 255
    assert head["legend"]["limits"][0] <= head["legend"]["ticks"][0] < head["legend"]["ticks"][-1]


def test_a_hundred_thousand_cells_are_half_a_megabyte_and_no_group_lies_on_top():
    points = np.repeat(POINTS, 20, axis=0)
    groups = Colouring("group", np.repeat([0, 1], 50_000), ("one", "two"))
    packed = pack(Places.of(points), groups, alt="cells")
    assert len(packed) < 510_000
    _, arrays = unpacked(packed)
    assert 0.45 < arrays["code"][:2000].mean() < 0.55


def test_a_new_colouring_leaves_the_places_as_they_are():
    heads = [unpacked(pack(Places.of(POINTS), Colouring("v", POINTS[:, k]), alt=""))[0]["arrays"] for k in (0, 1)]
    assert heads[0]["place"] == heads[1]["place"]
    assert heads[0]["code"]["digest"] != heads[1]["code"]["digest"]


def test_a_field_is_marked_as_unknown_where_it_is_none():
    made = examples.flow()
    opacity = np.full_like(made.u, 0.5)
    head, arrays = unpacked(
        pack(
            Places.of(POINTS),
            alt="",
            stream=Stream(made.x, made.y, made.u, made.v, opacity),
            marks=[Mark(0, 1, "saddle", "S1")],
        )
    )
    known = np.isfinite(made.u).ravel()
    assert (arrays["opacity"][known] == 0.5).all() and (arrays["opacity"][~known] < 0).all()
    np.testing.assert_allclose(arrays["u"][known], made.u.ravel()[known], rtol=1e-6)
    assert head["marks"] == [{"x": 0, "y": 1, "kind": "saddle", "name": "S1"}] and head["legend"] is None


def test_one_place_for_all_cells_and_bad_shapes():
    head, _ = unpacked(pack(Places.of(np.ones((3, 2))), alt=""))
    assert head["low"][0] < 1 < head["high"][0]
    for points in (np.zeros((0, 2)), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="expected"):
            Places.of(points)
    with pytest.raises(ValueError, match="has 2 cells"):
        pack(Places.of(np.ones((3, 2))), Colouring("v", np.ones(2)), alt="")


def test_cells_of_other_times_have_no_colour():
    groups = Colouring("group", np.array([0, 1]), ("one", "two")).among(np.array([3, 1]), 5)
    assert groups.codes().tolist() == [UNCOLOURED, 1, UNCOLOURED, 0, UNCOLOURED]
    values = Colouring("value", np.array([1.0, 2.0])).among(np.array([0, 2]), 3)
    assert values.codes().tolist() == [0, UNCOLOURED, 254] and values.at(np.array([2])).values == 2


def test_a_signed_scale_is_even_around_zero_and_one_odd_cell_decides_no_scale():
    signed = Colouring("growth", np.append(np.linspace(-1, 2, 999), 1e6), signed=True)
    low, high = signed.limits
    assert low == -high and 1.9 < high < 2.1
    assert len(signed.colours(True)) == 255 and all(each.startswith("rgb(") for each in signed.colours(False))
    assert signed.codes()[-1] == 254 and signed.codes()[333] == pytest.approx(127, abs=1)
    assert Colouring("v", np.ones(4)).limits == (1, 2)
    assert Colouring("v", np.full(4, np.nan)).limits == (0, 1)
    assert Colouring("v", np.full(4, np.nan)).words() == "Coloured by v, which is not known here."
    assert "one 1, two 2" in Colouring("group", np.array([0, 1, 1, -1]), ("one", "two")).words()
