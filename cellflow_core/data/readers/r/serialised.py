"""R's serialisation format, versions 2 and 3, in its binary forms (R Internals, "Serialization Formats").

Nothing is evaluated: functions and expressions are gone past as the data they are. Vectors of numbers are views into
the file, so that what is not used takes no memory.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import InvalidInputError

MISSING_INTEGER = np.iinfo(np.int32).min
"""NA of integers, logical values and factors."""
STARTS = (b"X\n\0\0\0", b"B\n\2\0\0\0", b"B\n\3\0\0\0")
"""How one object begins (.rds); several in one file (.rda) have the bytes of WORKSPACES before it."""
WORKSPACES = (b"RDX2\n", b"RDX3\n", b"RDB2\n", b"RDB3\n")
_ITEM = 120  # bytes of memory that one text or object takes here, about
_CONSTANTS = {254, 253, 252, 251, 247, 242, 241}
"""NULL, the global, unbound and missing values, and the environments of R itself: nothing follows their type."""
_PAIRS = {2, 3, 5, 6, 17}
"""Lists of pairs: arguments, closures, promises, calls, dots."""
_NUMBERS = {10: "i4", 13: "i4", 14: "f8", 15: "c16", 24: "u1"}
_LATIN = 1 << 14
"""Flag of a text in Latin-1."""
_BYTECODE = {2: False, 6: False, 239: True, 240: True}
"""Pairs within byte code -> do they have attributes?"""


@dataclass(eq=False)
class RObject:
    """One value of R.

    value  numbers: array; text: list of str, None for NA; list: list of RObject; pairs: list of (name, RObject);
           environment: {name: RObject}; symbol: str; None for NULL, S4 objects and what holds no data
    attributes  by name: names, dim, class, the slots of an S4 object
    """

    value: Any = None
    attributes: Mapping[str, RObject] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its class, the most special first."""
        found = self.attributes.get("class", NULL).value
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    def slot(self, *names: str) -> RObject:
        """What lies below a chain of slots, attributes or names of a list; NULL where a link is missing."""
        found = self
        for each in names:
            found = found.attributes[each] if each in found.attributes else found.named().get(each, NULL)
        return found

    def named(self) -> dict[str, RObject]:
        """The members of a list, of pairs or of an environment by name, those without one left out."""
        if isinstance(self.value, dict):
            return self.value
        if not isinstance(self.value, list):
            return {}
        if self.value and isinstance(self.value[0], tuple):
            return {key: each for key, each in self.value if key}
        names = self.attributes.get("names", NULL).value
        pairs = zip(names, self.value, strict=False) if isinstance(names, list) else ()
        return {key: each for key, each in pairs if key and isinstance(each, RObject)}


NULL = RObject()


def read_r(path: Path, name: str) -> RObject:
    """The object of an unpacked file that its owner calls `name`: pairs of names and objects for an .rda.

    Raises InvalidInputError, or the ValueError, LookupError or struct.error of a damaged file.
    """
    with path.open("rb") as file:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return _Reader(held, name).whole()


class _Reader:
    """Where in the file we are, and what was read so far that may be referred to."""

    def __init__(self, held: mmap.mmap, name: str) -> None:
        self.held, self.name, self.at, self.items = held, name, 0, 0
        self.order = ">"
        self.references: list[RObject] = []

    def whole(self) -> RObject:
        self.at = 5 if self.held[:5] in WORKSPACES else 0
        self.order = "<" if self.held[self.at : self.at + 2] == b"B\n" else ">"
        self.at += 2
        version, _, _ = self._int(), self._int(), self._int()
        if version not in (2, 3):
            raise InvalidInputError(
                f"{self.name} is written in version {version} of R's format, and 2 and 3 are read: in R, "
                "saveRDS(object, file, version = 3)"
            )
        if version == 3:
            self._bytes(self._int())  # the encoding of its own, beside which every text says UTF-8 or Latin-1
        return self._item(self._int())

    def _int(self) -> int:
        (found,) = struct.unpack_from(f"{self.order}i", self.held, self.at)
        self.at += 4
        return found

    def _bytes(self, length: int) -> bytes:
        if not 0 <= length <= len(self.held) - self.at:
            raise ValueError(f"{length} bytes of text where {len(self.held) - self.at} are left")
        self.at += length
        return self.held[self.at - length : self.at]

    def _length(self, each: int) -> int:
        """Number of elements of a vector, each of at least so many bytes in the file."""
        found = self._int()
        if found == -1:  # longer than 2^31
            found = (self._int() << 32) + (self._int() & 0xFFFFFFFF)
        if not 0 <= found * each <= len(self.held) - self.at:
            raise ValueError(f"a vector of {found} elements where {len(self.held) - self.at} bytes are left")
        return found

    def _count(self, more: int) -> None:
        self.items += more
        check_memory(self.items * _ITEM, self.name, f"{self.items:,} texts and objects of R")

    def _item(self, flags: int) -> RObject:
        kind = flags & 255
        if kind in _CONSTANTS:
            return NULL
        if kind == 255:
            return self.references[(flags >> 8 or self._int()) - 1]
        self._count(1)
        if kind in _PAIRS:
            return self._pairs(flags)
        if kind in (1, 4, 22, 23, 248, 249, 250):
            return self._referable(kind, bool(flags & 512))
        if kind == 238:
            return self._compact(self._item(self._int()), self._item(self._int()), self._item(self._int()))
        value = self._value(kind)
        return RObject(value, self._attributes(flags))

    def _attributes(self, flags: int) -> dict[str, RObject]:
        return self._item(self._int()).named() if flags & 512 else {}

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            dtype = np.dtype(self.order + _NUMBERS[kind])
            length = self._length(dtype.itemsize)
            self.at += length * dtype.itemsize
            return np.frombuffer(self.held, dtype, length, self.at - length * dtype.itemsize)
        if kind == 16:
            length = self._length(8)
            self._count(length)
            return self._texts(length)
        if kind in (19, 20):
            length = self._length(4)
            self._count(length)
            return [self._item(self._int()) for _ in range(length)]
        if kind in (7, 8):
            self._bytes(self._int())
        elif kind == 21:
            self._int()  # how many parts of it may be referred to
            self._byte_code()
        elif kind not in (0, 25):
            raise ValueError(f"type {kind} is not known at byte {self.at}")
        return None

    def _texts(self, length: int) -> list[str | None]:
        """So many texts; of a text of version 2 in the language of a computer, what is no UTF-8 is replaced."""
        head = struct.Struct(f"{self.order}ii")
        held, at = self.held, self.at
        found: list[str | None] = []
        for _ in range(length):
            flags, size = head.unpack_from(held, at)
            if flags & 0x2FF != 9 or size < -1:
                raise ValueError(f"no text where one is expected, at byte {at}")
            at += 8 + max(size, 0)
            text = held[at - size : at] if size > 0 else b""
            found.append(None if size < 0 else text.decode("latin-1" if flags & _LATIN else "utf-8", "replace"))
        if at > len(held):
            raise ValueError("the file ends within a text")
        self.at = at
        return found

    def _pairs(self, flags: int) -> RObject:
        """A list of pairs, gone through in a loop, since calls and arguments may be long."""
        attributes: dict[str, RObject] = {}
        found: list[tuple[str, RObject]] = []
        while flags & 255 in _PAIRS:
            attributes = {**self._attributes(flags), **attributes}
            tag = self._item(self._int()).value if flags & 1024 else ""
            found.append((tag if isinstance(tag, str) else "", self._item(self._int())))
            self._count(1)
            flags = self._int()
        if (rest := self._item(flags)) is not NULL:
            found.append(("", rest))
        return RObject(found, attributes)

    def _referable(self, kind: int, has_attributes: bool) -> RObject:
        """Symbols, environments, packages and pointers: written once, and referred to by number afterwards."""
        made = RObject()
        self.references.append(made)
        if kind == 1:
            made.value = self._texts(1)[0] or ""
        elif kind == 4:
            self._int()  # is it locked?
            _, frame, table, attributes = (self._item(self._int()) for _ in range(4))
            buckets = table.value if isinstance(table.value, list) else []
            made.value = frame.named() | {key: each for bucket in buckets for key, each in bucket.named().items()}
            made.attributes = attributes.named()
        elif kind in (248, 249, 250):
            self._int()
            self._texts(self._length(8))
        else:
            for _ in range(2 if kind == 22 else 0):
                self._item(self._int())
            made.attributes = self._attributes(512 if has_attributes else 0)
        return made

    def _compact(self, info: RObject, state: RObject, attributes: RObject) -> RObject:
        """Vectors in short form (ALTREP): sequences, numbers to be written as text, and others in a wrapper."""
        kind = str(info.value[0][1].value)
        found: Any = None
        if kind in ("compact_intseq", "compact_realseq"):
            count, first, step = (float(each) for each in state.value)
            check_memory(int(count) * 8, self.name, "numbers in a row")
            found = first + step * np.arange(int(count), dtype=np.float64)
            found = found.astype(np.int32) if kind == "compact_intseq" else found
        elif kind == "deferred_string":
            numbers = state.value[0][1].value
            self._count(len(numbers))
            whole = numbers.dtype.kind == "i"
            missing = numbers == MISSING_INTEGER if whole else np.isnan(numbers)
            found = [
                None if gone else f"{each:d}" if whole else f"{each:.15g}"
                for each, gone in zip(numbers.tolist(), missing, strict=True)
            ]
        elif kind.startswith("wrap_"):
            first = state.value[0]
            found = (first[1] if isinstance(first, tuple) else first).value
        else:
            raise InvalidInputError(
                f"{self.name} refers to values outside of it ({kind}): in R, read them into memory and save it again"
            )
        return RObject(found, attributes.named())

    def _byte_code(self) -> None:
        """A compiled function, gone past."""
        self._item(self._int())
        for _ in range(self._length(4)):
            kind = self._int()
            if kind == 21:
                self._byte_code()
            else:
                self._part(kind)

    def _call(self, kind: int) -> None:
        """A call within byte code, where the type of each part stands before it, once more for what is no call."""
        while kind in (244, *_BYTECODE):
            self._count(1)
            if kind == 244:
                self._int()
                kind = self._int()
            if _BYTECODE[kind]:
                self._item(self._int())
            self._item(self._int())  # the tag
            self._part(self._int())
            kind = self._int()
        self._part(kind)

    def _part(self, kind: int) -> None:
        if kind == 243:
            self._int()
        elif kind in (244, *_BYTECODE):
            self._call(kind)
        else:
            self._item(self._int())
