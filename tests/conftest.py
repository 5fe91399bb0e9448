"""Shared by all tests: array shapes are checked in some, every test has its own home, shared data are optional."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: workers of pytest share the cores
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # numba sets the threads of torch too, which shares its OpenMP

import pytest
from jaxtyping import config, install_import_hook

from tests import ROOT

# Snapshots checks its own shapes, in production too; results hold what JSON gave back
ANALYSES = [each.stem for each in (ROOT / "cellflow_core").glob("analysis/[!_]*") if each.stem != "results"]
CHECKED = ["math", "data.batch", "models", *(f"analysis.{each}" for each in ANALYSES)]
install_import_hook([f"cellflow_core.{each}" for each in CHECKED], "beartype.beartype")

SHARED = ROOT.parent / "shared" / "data"
LONGEST_FIRST = ("truth", "contract", "faults", "pages", "unit")


def pytest_itemcollected(item: pytest.Item) -> None:
    """With `-n`, a worker takes a whole file, of the contract a whole case, so that what tests share is made once."""
    case = getattr(item, "callspec", None) if _room(item) == "contract" else None
    item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {case.id}" if case else str(item.path)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms of long tests come first: no long file is left over at the end."""
    items.sort(key=lambda item: _order(_room(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Array shapes are checked by `contract` and `unit`, which call every function; a training takes half as long again
    with these checks, and other rooms train for long."""
    config.update("jaxtyping_disable", _room(item) not in ("contract", "unit"))


def _room(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT / "tests").parts[0]


def _order(room: str) -> int:
    return LONGEST_FIRST.index(room) if room in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A fresh folder for data sets and runs."""
    monkeypatch.setenv("CELLFLOW_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def shared() -> Path:
    """Folder of the reference data sets; the test is skipped where they are not beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference data sets are not at {SHARED}")
    return SHARED
