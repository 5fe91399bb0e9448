"""A look at an HDF5 file by a process that may crash: damaged heaps make the library run in circles or write anywhere.

No exception tells of that, so the look is the only protection. It is a fork, which has nothing to load, and its limit
counts its CPU time, so that a slow disk or other work on the machine refuses no file.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellflow_core.data.readers.table import InvalidInputError

SECONDS = 2
SMALL = 1_000_000  # bytes of an array of numbers that is read whole; of a larger one the first row
TEXTS = 50_000_000  # bytes of texts that are read, each of them by its own address


def check(path: Path, name: str, size: Callable[[Any], int], links: Callable[[Any], None]) -> None:
    """InvalidInputError where the library crashes on the file or does not come to an end.

    size   bytes that an array declares; links: raises where something lies outside the file, before it is touched
    """
    child = os.fork()
    if child == 0:
        try:
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            with suppress(Exception):  # whoever reads the file next reports it
                _visit(path, size, links)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        endless = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        raise InvalidInputError(
            f"{name} is damaged inside: the HDF5 library {'finds no end in it' if endless else 'crashes on it'}; write "
            "it again, for example with adata.write_h5ad(), or upload it again"
        )


def _visit(path: Path, size: Callable[[Any], int], links: Callable[[Any], None]) -> None:
    """Touch every attribute, all texts and small arrays, and the first row of the others."""
    import h5py

    with h5py.File(path, "r") as file:
        links(file)
        for held in [file, *_every(file)]:
            for key in list(held.attrs):
                with suppress(Exception):
                    held.attrs[key]
            if isinstance(held, h5py.Dataset):
                limit = TEXTS if held.dtype.kind == "O" else SMALL
                with suppress(Exception):
                    held[()] if size(held) <= limit else held[:1]


def _every(file: Any) -> list[Any]:
    found: list[Any] = []
    with suppress(Exception):
        file.visititems(lambda _, held: found.append(held))
    return found
