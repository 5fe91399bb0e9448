"""Tables that list who acts on whom, as databases and benchmarks write them.

Three forms are read: a line an edge (source, target and, where it is there, a sign, weight or score); a square of genes
with their names; and the lines of a CollecTRI or OmniPath download.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from cellflow_core.data.readers.table import InvalidInputError
from cellflow_core.data.readers.text import opened
from cellflow_core.data.readers.text_layout import split_lines
from cellflow_core.plural import counted

Array = np.ndarray
Rows = Literal["", "targets", "sources"]
EXPECTED = "a table with a line an edge (source, target, weight) or a square of genes is expected"
_SOURCE = re.compile(
    r"(?:.*[._ -])?(?:tf|tfs|regulators?|source|from|gene[._ -]?(?:1|a))(?:[._ -]?(?:name|symbol))?", re.I
)
_TARGET = re.compile(r"(?:.*[._ -])?(?:targets?|to|gene[._ -]?(?:2|b))(?:[._ -].*)?", re.I)
_WEIGHT = re.compile(r"weight|mor|sign|score|effect|type|mode|interaction|regulation|confidence|importance", re.I)
_POSITIVE = {"+", "1", "activation", "activates", "activator", "up", "positive", "stimulation", "->"}
_NEGATIVE = {"-", "-1", "repression", "represses", "repressor", "inhibition", "inhibits", "down", "negative", "-|"}
_YES = {"true", "1"}


@dataclass(frozen=True)
class EdgeTable:
    """Edges as they stand in a table, each pair once.

    weight  [edges]: above 0 activation, below 0 repression; 1 where the table has neither sign nor weight
    notes   what was decided while it was read
    """

    source: Shaped[Array, " edges"]
    target: Shaped[Array, " edges"]
    weight: Float[Array, " edges"]
    notes: tuple[str, ...] = ()


class OrientationNeededError(InvalidInputError):
    """A square of genes that does not say whether its rows are targets or sources."""


def read(path: Path, name: str, rows: Rows = "") -> EdgeTable:
    """The edges of a text table, which may be compressed with gzip.

    rows  what the rows of a square of genes are; OrientationNeededError where it is not given
    Raises InvalidInputError, with a sentence, where there are no edges.
    """
    with opened(path, name) as file:
        lines = split_lines(file.read(), name)
    square = _square(lines, name)
    return _of_lines(lines, name) if square is None else _of_square(*square, name, rows)


def of_edges(
    source: Iterable[str], target: Iterable[str], weight: Iterable[float], notes: Iterable[str] = ()
) -> EdgeTable:
    """Each pair once, with the weight that is farthest from 0; edges of weight 0 or without a name are left out."""
    best: dict[tuple[str, str], float] = {}
    listed = 0
    for one, other, value in zip(source, target, weight, strict=True):
        if one and other and value:
            listed += 1
            if abs(value) > abs(best.get((one, other), 0.0)):
                best[one, other] = value
    remarks = list(notes)
    if listed > len(best):
        remarks.append(f"{counted(listed - len(best), 'edge')} listed more than once: the strongest counts.")
    pairs = list(best)
    return EdgeTable(
        np.asarray([each for each, _ in pairs], np.str_),
        np.asarray([each for _, each in pairs], np.str_),
        np.asarray(list(best.values()), np.float32),
        tuple(remarks),
    )


def _of_lines(lines: list[list[str]], name: str) -> EdgeTable:
    head = lines[0] if lines else []
    sources = [k for k, each in enumerate(head) if _SOURCE.fullmatch(each)]
    targets = [k for k, each in enumerate(head) if _TARGET.fullmatch(each) and k not in sources]
    if sources and targets:
        first, second, body = sources[0], targets[0], lines[1:]
    else:
        words = [k for k in range(len(head)) if not any(_is_number(each[k]) for each in lines if len(each) > k)]
        if len(words) < 2:
            raise InvalidInputError(f"{name} names no two genes in a line: {EXPECTED}")
        first, second, head, body = words[0], words[1], [], lines
    short = sum(len(each) <= max(first, second) for each in body)
    if short:
        raise InvalidInputError(f"{name} has {counted(short, 'line')} without a source and a target: {EXPECTED}")
    weight, remarks = _weights(body, head, name)
    found = of_edges((each[first] for each in body), (each[second] for each in body), weight, remarks)
    if not len(found.source):
        raise InvalidInputError(f"{name} lists no edge: {EXPECTED}")
    return found


def _weights(body: list[list[str]], head: Sequence[str], name: str) -> tuple[list[float], tuple[str, ...]]:
    """Weight of each line, and what to say of it."""
    columns = {each.lower(): [line[k].lower() if k < len(line) else "" for line in body] for k, each in enumerate(head)}
    if {"is_stimulation", "is_inhibition"} <= columns.keys():
        both = zip(columns["is_stimulation"], columns["is_inhibition"], strict=True)
        return [-1.0 if down in _YES and up not in _YES else 1.0 for up, down in both], ()
    for each, texts in columns.items():
        if not _WEIGHT.fullmatch(each):
            continue
        found = set(texts)
        if found <= {*_POSITIVE, *_NEGATIVE, ""}:
            remarks = () if found & _NEGATIVE else (f"No edge is a repression by the column {each!r}.",)
            return [-1.0 if text in _NEGATIVE else 1.0 for text in texts], remarks
        broken = [text for text in texts if not _is_number(text)]
        if broken:
            raise InvalidInputError(
                f"{name} has {counted(len(broken), 'line')} whose {each} is neither a number nor a sign (+, -, "
                f"activation, repression), for example {broken[0][:30]!r}: correct these lines, or leave the column out"
            )
        return [float(text) for text in texts], ()
    return [1.0] * len(body), ("The table has no signs: every edge counts as an influence of unknown sign.",)


def _square(lines: list[list[str]], name: str) -> tuple[Sequence[str], Sequence[str], Array] | None:
    """(names of the rows, of the columns, values) of a square of numbers, None where the table is none."""
    count = len(lines)
    if count > 2 and all(len(each) == count and all(map(_is_number, each)) for each in lines):
        raise InvalidInputError(
            f"{name} is a square of {count:,} x {count:,} numbers without names: add a line and a column with the "
            "names of the genes"
        )
    body = lines[1:]
    if count < 4 or not all(len(each) == count and all(map(_is_number, each[1:])) for each in body):
        return None
    values = np.array([each[1:] for each in body], np.float64)
    return [each[0] for each in body], lines[0][-len(body) :], values


def _of_square(down: Sequence[str], across: Sequence[str], values: Array, name: str, rows: Rows) -> EdgeTable:
    if not rows:
        raise OrientationNeededError(
            f"{name} is a square of {len(down):,} x {len(across):,} genes, which does not say who acts on whom: say "
            "whether its rows are targets or sources"
        )
    i, j = np.nonzero(values)
    first, second = np.asarray(down)[i].tolist(), np.asarray(across)[j].tolist()
    source, target = (second, first) if rows == "targets" else (first, second)
    found = of_edges(source, target, values[i, j].tolist())
    if not len(found.source):
        raise InvalidInputError(f"{name} lists no edge, all its fields are 0: {EXPECTED}")
    return found


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
