"""Colours of the groups of annotations, as scanpy keeps them: uns["<annotation>_colors"], one a category."""

from __future__ import annotations

import re
from typing import Any

from cellflow_core.data.readers.hdf5 import strings

_HEX = re.compile(r"(#[0-9a-f]{6})(?:[0-9a-f]{2})?")
ENDING = "_colors"


def colours(uns: Any, obs: Any, name: str) -> dict[str, dict[str, str]]:
    """Annotation -> category -> "#rrggbb", where there is a colour in hexadecimal digits for each category.

    uns  the group of an open file, or None; obs: its annotations as a pandas.DataFrame
    """
    import h5py

    found = {}
    for column in obs.columns:
        held = uns.get(f"{column}{ENDING}") if uns is not None and obs[column].dtype == "category" else None
        if not isinstance(held, h5py.Dataset) or held.shape != (len(obs[column].cat.categories),):
            continue
        listed = [_HEX.fullmatch(each.lower()) for each in strings(held, name)] if held.dtype.kind in "OS" else [None]
        if all(listed):
            names = map(str, obs[column].cat.categories)
            found[str(column)] = {key: each[1] for key, each in zip(names, listed, strict=True) if each}
    return found
