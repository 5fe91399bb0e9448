"""Barriers in words and as a table."""

from dataclasses import replace

import numpy as np

from cellflow_core.reporting.fields import barriers
from tests import example_groups


def test_a_barrier_is_told_with_its_range_and_the_trainings_that_lack_a_basin():
    made = example_groups.barriers()
    words = barriers.of_barriers(made)
    assert words.startswith(
        "From the basin of Erythroid to the basin of Myeloid, cells climb 2.5 (2 to 3 in 3 trainings) in -log p; back, "
        "1.5 (1 to 2 in 3 trainings)."
    )
    assert "The higher of the two is the same in 3 of 3 trainings." in words
    assert "1 of 3 trainings have no basin of basin 3" not in words and "1 of 3 trainings have no basin 3" in words
    assert "2 of 3 have one more, of Stem" in words
    table = barriers.rows(made)
    assert table["from"][0] == "basin 3" and table["trainings with both (of 3)"] == [2, 3, 2, 3, 2, 2]
    assert table["median (-log p)"] == sorted(table["median (-log p)"]) and table["lower bound"].count("yes") == 1


def test_one_training_or_one_basin_has_no_spread():
    made = example_groups.barriers()
    alone = replace(made, climb=made.climb[:1], found=made.found[:1], others=())
    words = barriers.of_barriers(alone)
    assert "cells climb 2 in -log p; back, 1. One training: its spread over seeds is not known." in words
    assert "median (-log p)" not in barriers.rows(alone)
    one = replace(alone, basins=("Stem",), numbers=(1,), cells=made.cells[:1], climb=np.full((1, 1, 1), np.nan))
    one = replace(one, found=np.ones((1, 1), bool), unsure=np.zeros((1, 1), bool))
    assert "one basin (the basin of Stem) and no path between two" in barriers.of_barriers(one)
    assert barriers.rows(one)["from"] == []
