"""Several tables, one a sample, as one: a column "sample" tells them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellflow_core.data.readers.table import InvalidInputError, Modality, Table, Unused

_TRIVIAL = re.compile(
    r"^GSM\d+[_.-]?|[_.-]?(?:filtered|raw)?[_.-]?(?:feature|gene)s?_bc_matri(?:x|ces)(?:_h5)?|[_.-]?matrix$", re.I
)
_ENDING = re.compile(r"(?:\.(?:h5ad|h5|loom|csv|tsv|txt|gz|npz|mtx|h5mu))+$", re.I)


def sample_names(paths: Sequence[str]) -> list[str]:
    """What tells files apart: their names without what 10x and GEO write in all of them, with folders where needed."""
    bare = [_TRIVIAL.sub("", _ENDING.sub("", each.rsplit("/", 1)[-1])).strip("._-") for each in paths]
    if len(set(bare)) == len(bare) and all(bare):
        return bare
    parts = [_ENDING.sub("", each).strip("./").split("/") for each in paths]
    recorded = ["/".join(p for k, p in enumerate(mine) if any(o[k : k + 1] != [p] for o in parts)) for mine in parts]
    return recorded if len(set(recorded)) == len(recorded) else [_ENDING.sub("", each) for each in paths]


def joined(tables: Sequence[Table], labels: Sequence[str], name: str, what: str, rows: int | None = None) -> Table:
    """One table of all cells with the genes that every table has. InvalidInputError where these are none."""
    if len(tables) == 1:
        return tables[0]
    import pandas as pd

    first = tables[0]
    same = all(each.features == first.features for each in tables)
    held = [set(each.features) for each in tables[1:]]
    shared = first.features if same else tuple(f for f in dict.fromkeys(first.features) if all(f in o for o in held))
    if not shared:
        raise InvalidInputError(
            f"{name} holds {len(tables)} {what} without one gene in common: name genes alike in all of them"
        )
    _check_alike(tables, labels, name)
    at = [slice(None) if same else _positions(each.features, shared) for each in tables]
    obs = pd.concat([t.obs.assign(sample=label) for t, label in zip(tables, labels, strict=True)])
    if obs.index.has_duplicates:  # barcodes repeat from sample to sample
        obs.index = obs.index.astype(str) + "-" + obs["sample"]
    notes = [f"{len(tables)} {what} were joined; column 'sample' tells them apart"]
    unused = [each for table in tables for each in table.unused]
    if not same:
        lost = len({f for each in tables for f in each.features}) - len(shared)
        notes.append(f"{len(shared):,} genes are in all of them and were kept")
        unused.append(Unused(f"{lost:,} genes", f"not every one of the {len(tables)} {what} has them"))
    layers = {
        key: _stacked([t.layers[key][:, kept] for t, kept in zip(tables, at, strict=True)])[:rows]
        for key in first.layers
        if all(key in each.layers for each in tables)
    }
    panels: dict[str, Modality] = {}
    for kind in dict.fromkeys(kind for each in tables for kind in each.panels):
        if len({each.panels[kind].features if kind in each.panels else None for each in tables}) == 1:
            values = _stacked([t.panels[kind].x for t in tables])[:rows]
            panels[kind] = Modality(values, first.panels[kind].features)
        else:
            notes.append(f"features of {kind!r} differ between {what} and were left out")
            unused.append(Unused(kind, f"its features differ between the {what}"))
    ids = dict(zip(first.features, first.ids, strict=True)) if first.ids else {}
    return replace(
        first,
        x=_stacked([t.x[:, kept] for t, kept in zip(tables, at, strict=True)])[:rows],
        features=shared,
        ids=tuple(ids[each] for each in shared) if ids else (),
        obs=obs,
        obsm={},
        logged=all(each.logged for each in tables),
        notes=(*notes, *dict.fromkeys(note for each in tables for note in each.notes)),
        layers=layers,
        panels=panels,
        snapshots=None,
        unused=tuple({each.place + each.reason: each for each in unused}.values()),
    )


def _check_alike(tables: Sequence[Table], labels: Sequence[str], name: str) -> None:
    """Refuse counts of one file beside other values of another: joined, they would be taken for one kind."""
    whole = {label: _whole(table.x) for table, label in zip(tables, labels, strict=True)}
    if len(set(whole.values())) > 1:
        counts = ", ".join(label for label, is_whole in whole.items() if is_whole)
        others = ", ".join(label for label, is_whole in whole.items() if not is_whole)
        raise InvalidInputError(
            f"{name}: {counts} holds whole numbers, as counts are, and {others} fractions, as normalised values are: "
            "choose files of one kind"
        )


def _whole(x: Any) -> bool:
    values = x if isinstance(x, np.ndarray) else x.data
    values = values[np.isfinite(values)]
    return bool((values == np.round(values)).all())


def _positions(features: tuple[str, ...], shared: tuple[str, ...]) -> np.ndarray:
    place = {each: k for k, each in reversed(list(enumerate(features)))}
    return np.array([place[each] for each in shared])


def _stacked(parts: list[Any]) -> Any:
    if all(isinstance(each, np.ndarray) for each in parts):
        return np.vstack(parts)
    from scipy.sparse import csr_matrix, vstack

    stack: Any = vstack
    return stack([csr_matrix(each) for each in parts], format="csr")
