"""Root and end states in words: shares, places in the order along the arrows, and what speaks against a choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellflow_core.reporting.rna_velocity.root_and_ends import (
    Places,
    against,
    marks_of_fates,
    marks_of_order,
    of_fates,
    of_order,
)
from tests import examples
from tests.unit.figures.test_rna_velocity import CELLS, result

PLACES = Places(0.4, {"A": 0.9, "B": 0.2})


def fates():
    found = examples.fates()
    return replace(found, names=("A", "B"), of="the 60 cells with type = root", elsewhere=0.1)


def test_the_caption_names_root_ends_and_their_places():
    found = fates()
    text = of_fates(found, PLACES)
    k = int(np.argmax(found.share))
    assert text.startswith("Root: the 60 cells with type = root. Ends, ")
    assert f"lead there: {'AB'[k]} ({found.share[k]:.0%})" in text and "10% of the root cells reach none" in text
    assert "root 0.40, A 0.90, B 0.20" in text
    assert "Median places" not in of_fates(found, Places(None, {"A": 0.9})) + of_fates(found, Places(0.4))


def test_ends_before_the_root_speak_against_the_choice():
    assert "B is no later than the root" in against(fates(), PLACES)
    assert "A, B are no later" in against(fates(), Places(0.95, PLACES.groups))
    assert not against(fates(), Places(0.1, PLACES.groups)) and not against(fates(), Places())


def test_found_states_are_the_groups_where_the_order_begins_and_ends():
    codes = (np.arange(CELLS) >= CELLS // 2).astype(int)
    text = of_order(result(), codes, ("early", "late"), "type")
    assert "by type, found: the order begins in early and ends in late" in text and "early (0.25)" in text


def test_root_and_ends_are_marked_where_the_order_begins_and_ends():
    made, codes = result(), (np.arange(CELLS) >= CELLS // 2).astype(int)
    root, end = marks_of_order(made, codes, ("early", "late"))
    assert (root.kind, root.name, end.kind, end.name) == ("root", "early", "end", "late")
    for mark, rows in ((root, slice(0, CELLS // 20)), (end, slice(CELLS - CELLS // 20, CELLS))):
        outermost = made.cells[rows]  # a tenth of each half: the order is that of the rows
        farness = np.linalg.norm(outermost[:, None] - outermost, axis=2).sum(axis=1)
        np.testing.assert_allclose([mark.x, mark.y], outermost[farness.argmin()], rtol=1e-6)
    assert marks_of_order(made, None, ()) == () and marks_of_order(made, 0 * codes, ("early", "late")) == ()


def test_chosen_root_and_ends_are_marked_where_they_are_the_likeliest_end_first():
    found = replace(fates(), root=np.array([1.0, -2.0]))
    root, *ends = marks_of_fates(found, "stem")
    assert (root.x, root.y, root.name) == (1.0, -2.0, "stem") and [each.kind for each in ends] == ["end", "end"]
    first = int(np.argmax(found.share))
    assert ends[0].name == found.names[first] and (ends[0].x, ends[0].y) == tuple(found.centers[first])
    assert [each.kind for each in marks_of_fates(replace(found, root=None), "")] == ["end", "end"]
