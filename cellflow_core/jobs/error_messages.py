"""Why a run failed, in one sentence."""

from __future__ import annotations

import errno

from cellflow_core.jobs.executors.contract import EngineUnreachableError

USER_FACING_ERRORS = (ValueError, KeyError, FloatingPointError, EngineUnreachableError)
"""Errors whose text this project wrote for a person."""


def user_message(error: BaseException) -> str:
    """One sentence without a line break."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: make room, then let the run go on from its checkpoint"
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        where = f"{error.filename} lies on a disk that" if error.filename else "the disk of this run"
        return f"{where} is read-only: let it be written, and the run is tried again"
    if isinstance(error, MemoryError):
        return "the memory of this machine is used up: try a smaller batch or fewer cells"
    if type(error).__name__ == "OutOfMemoryError":
        return "the memory of the GPU is used up: try a smaller batch, or device cpu"
    if isinstance(error, USER_FACING_ERRORS) and error.args and " " in str(error.args[0]):
        return " ".join(str(error.args[0]).split())
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
