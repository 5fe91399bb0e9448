"""Steps by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellflow_core.data.steps.contract import Step
from cellflow_core.registry import Registry

_STEPS = Registry("cellflow_core.data.steps", Step, "step", ("contract", "derive", "registry"))
names = _STEPS.names
find = _STEPS.find


def create(name: str, settings: Mapping[str, Any] | None = None) -> Step:
    """A step with these settings. Raises ValueError for a setting that is unknown or out of its bounds."""
    kind = find(name)
    return kind(kind.Config.from_dict(dict(settings or {})))
