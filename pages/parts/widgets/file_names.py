"""Names of downloads: which view of which model on which data."""

from __future__ import annotations

import re
import unicodedata

from cellflow_core.data import store
from cellflow_core.runs import index

_ID = re.compile(r"(.+)-(\d{8}-\d+-[0-9a-f]{6,8})")
_LETTERS = 30


def readable(name: str) -> str:
    """A name that ends with the id of a run or data set in words: view, data set, model, end of the id.

    "time-<id>" becomes "time_blood-cells_ot-cfm_ac9189"; the end of the id keeps twins apart. Where the run or its data
    are gone, and for any other name, the name stays as it is.
    """
    found = _ID.fullmatch(name)
    if found is None:
        return name
    view, id = found.groups()
    data, model = id, ""
    try:
        if index.is_run_id(id):
            recipe = index.open_run(id).recipe
            data, model = recipe.dataset, recipe.model
        label = store.open_dataset(data).info.label
    except (KeyError, ValueError):
        return name
    parts = (re.sub(r"[^A-Za-z0-9.]+", "-", view).strip("-"), _plain(label), model, id[-6:])
    return "_".join(each for each in parts if each)


def _plain(words: str) -> str:
    """Letters and digits that every file system takes, joined by hyphens."""
    text = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", text)[:_LETTERS].strip("-")
