"""Numbers of things in words."""

import pytest

from cellflow_core.plural import counted


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (1, ("cell",), "1 cell"),
        (0, ("cell",), "0 cells"),
        (1200, ("cell",), "1,200 cells"),
        (2, ("axis", "axes"), "2 axes"),
        (1, ("cell has", "cells have"), "1 cell has"),
    ],
)
def test_one_and_many(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text
