"""Where and when a number was printed."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version


def here() -> dict[str, str | int | None]:
    """Processor, cores, Python and torch of this machine."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def today() -> str:
    return datetime.now(UTC).date().isoformat()
