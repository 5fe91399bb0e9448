"""What tests of pages share."""

from __future__ import annotations

import importlib
from concurrent.futures import Future
from typing import Any

import pytest
import streamlit as st

from cellflow_core.jobs import alone, compute, supervisor


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained behind these tests, and what a worker would answer is answered here, in this test's home."""

    def call(path: str, *args: Any, **kwargs: Any) -> Future:
        module, _, name = path.partition(":")
        answer: Future = Future()
        try:
            answer.set_result(getattr(importlib.import_module(module), name)(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as the pool does: the future carries it
            answer.set_exception(error)
        return answer

    st.cache_resource.clear()
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda: None)
    monkeypatch.setattr(compute, "call", call)
    monkeypatch.setattr(compute, "aside", call)
    monkeypatch.setattr(alone, "call", lambda path, *args, light=False, **kwargs: call(path, *args, **kwargs))
    monkeypatch.setattr(
        compute,
        "ask",
        lambda question, run, **settings: call("cellflow_core.jobs.answers:answer", question, run, **settings),
    )
    monkeypatch.setattr(compute, "warm", lambda: None)
    monkeypatch.setattr(alone, "warm", lambda: None)
