"""How a table of text is written: encoding, what separates the fields, and which line names the columns."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass

from cellflow_core.data.readers.limits import FIELDS
from cellflow_core.data.readers.table import KNOWN, InvalidInputError, make_unique, names_of


@dataclass(frozen=True)
class Layout:
    """How a table is written: `names` are empty where no line names the columns, values come after `skip` lines."""

    separator: str
    names: tuple[str, ...]
    skip: int
    encoding: str
    decimal: str = "."


def find_layout(head: bytes, name: str) -> Layout:
    """The layout of a table by its first lines. Raises InvalidInputError where there is no text."""
    text, encoding = _decoded(head, name)
    lines = text.splitlines()
    at = 0
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith(("#", "%"))):
        at += 1
    if at == len(lines):
        raise InvalidInputError(
            f"{name} holds no line with values: one line of column names and one line a cell are expected"
        )
    data = [each for each in lines[at:] if each.strip()][:2]
    separator = _separator(data)
    if any(_is_wide(each, separator) for each in data):
        raise InvalidInputError(
            f"{name} has more than the {FIELDS:,} columns that are read at most: save large tables as .h5ad, or turn "
            "rows and columns"
        )
    first, second = _fields(data[0], separator), _fields(data[-1], separator)
    decimal = "," if separator == ";" and re.search(r"\d,\d", data[-1]) else "."
    numeric = all(_is_number(each, decimal) for each in first)
    comment = _fields(lines[at - 1].lstrip("#% \t"), separator) if at else []
    if numeric and len(comment) == len(first) and not any(_is_number(each, decimal) for each in comment):
        return Layout(separator, _named(comment), at, encoding, decimal)
    if numeric or (_is_number(first[0], decimal) and _blank_after_two(first)):
        return Layout(separator, (), at, encoding, decimal)
    if len(second) == len(first) + 1:
        first = ["", *first]
    return Layout(separator, _named(first), at + 1, encoding, decimal)


def split_lines(content: bytes, name: str) -> list[list[str]]:
    """The fields of every line that is neither blank nor a comment, without quotes. Raises InvalidInputError."""
    text, _ = _decoded(content, name)
    lines = [each for each in text.splitlines() if each.strip() and not each.lstrip().startswith(("#", "%"))]
    separator = _separator(lines[:1]) if lines else ""
    return [_fields(each, separator) for each in lines]


def _decoded(head: bytes, name: str) -> tuple[str, str]:
    """The text and its encoding: UTF-8, UTF-16 with a mark, else that of Windows."""
    encodings = ("utf-16",) if head.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        strange = sum(not (each.isprintable() or each.isspace()) for each in text[:4000])
        if strange <= len(text[:4000]) // 100 and "\0" not in text:
            return text, encoding
    begins = head[:20].decode("ascii", "replace").encode("unicode_escape").decode()
    raise InvalidInputError(
        f'{name} is not a table of text, nor a format that is known: it begins with "{begins}"; {KNOWN}'
    )


def _separator(lines: list[str]) -> str:
    counts = {each: min(line.count(each) for line in lines) for each in "\t;,"}
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] else r"\s+"


def _is_wide(line: str, separator: str) -> bool:
    """Has it more fields than are read? They are counted before any of them is made."""
    if separator == r"\s+":
        return len(line.split(maxsplit=FIELDS)) > FIELDS
    return line.count(separator) >= FIELDS


def _fields(line: str, separator: str) -> list[str]:
    if separator == r"\s+":
        return [each.strip('"') for each in line.split()]
    return [each.strip() for each in next(csv.reader([line], delimiter=separator))]


def _named(fields: list[str]) -> tuple[str, ...]:
    return tuple(make_unique(names_of(["index" if k == 0 and not each else each for k, each in enumerate(fields)])))


def _is_number(text: str, decimal: str) -> bool:
    try:
        float(text.replace(decimal, "."))
    except ValueError:
        return text in ("NA", "NaN")
    return True


def _blank_after_two(fields: list[str]) -> bool:
    return len(fields) > 2 and not any(fields[2:])
