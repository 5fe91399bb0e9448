"""What tests of pages share."""

from __future__ import annotations

import importlib
from concurrent.futures import Future
from typing import Any

import pytest
import streamlit as st

from cellflow_core.jobs import analysis_pool, sandbox, supervisor
from cellflow_core.jobs.worker_pool import WorkerPool
from pages.parts.widgets import side
from pages.parts.widgets.search_box import component as search_box


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

    def run_isolated(
        path: str, *args: Any, io_bound: bool = False, on_progress: Any = None, seconds: Any = None, **kwargs: Any
    ) -> Future:
        return call(path, *args, **kwargs, **({} if on_progress is None else {"on_progress": on_progress}))

    st.cache_resource.clear()
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr(WorkerPool, "submit", lambda _, path, args, kwargs, *__, **___: call(path, *args, **kwargs))
    monkeypatch.setattr(sandbox, "run_isolated", run_isolated)
    monkeypatch.setattr(analysis_pool, "warm", lambda: None)
    monkeypatch.setattr(sandbox, "prestart", lambda: None)


@pytest.fixture
def common_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box of Streamlit's own, which tests can choose in, for several genes: its key is the name in the link."""

    def draw(label: str, names: Any, chosen: Any, *, key: str, choose: Any, most: int = 1, **_: Any) -> None:
        assert most > 1
        st.session_state[key := side.key(key.removesuffix("_several"))] = list(chosen)
        changed = side.here(lambda: choose(*st.session_state[key]))
        st.multiselect(label, list({*names, *chosen}), key=key, on_change=changed, accept_new_options=True)

    monkeypatch.setattr(search_box, "draw", draw)
