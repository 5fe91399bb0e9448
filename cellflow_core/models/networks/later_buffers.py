"""Buffers that a module was given in a later version: weights that were stored before are read all the same."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn


def register_later_buffer(module: nn.Module, name: str, first: Tensor) -> None:
    """Register the buffer `name`. It is `first` in a new module, and where stored weights lack it."""
    module.register_buffer(name, first)
    module.register_load_state_dict_pre_hook(partial(_fill, name, first.clone()))


def _fill(name: str, first: Tensor, module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    state.setdefault(prefix + name, first.clone())
