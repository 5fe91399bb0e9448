"""The base of every result: how it is stored and read."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

import numpy as np

from cellflow_core import atomic_write

Array = np.ndarray


@dataclass(frozen=True)
class Result:
    """Base of every answer. `notes` are sentences a reader must see beside the picture."""

    def save(self, path: Path) -> None:
        """Write to one .npz, which is there whole or not at all: arrays as arrays, the rest as JSON. No pickles."""
        arrays, plain = {}, {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                arrays[each.name] = value
            else:
                plain[each.name] = (
                    dataclasses.asdict(value)
                    if dataclasses.is_dataclass(value) and not isinstance(value, type)
                    else value
                )
        buffer = io.BytesIO()
        np.savez(buffer, __plain__=np.array(json.dumps(plain)), **arrays)
        atomic_write.write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Lists come back as tuples, nested tables as their dataclass."""
        with np.load(path, allow_pickle=False) as stored:
            values: dict[str, Any] = {k: stored[k] for k in stored.files if k != "__plain__"}
            plain = json.loads(str(stored["__plain__"]))
        hints = get_type_hints(cls)
        for name, value in plain.items():
            kind = hints[name]
            if isinstance(value, dict) and dataclasses.is_dataclass(kind) and isinstance(kind, type):
                value = kind(**{k: _tuples(v) for k, v in value.items()})
            values[name] = _tuples(value)
        return cls(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
