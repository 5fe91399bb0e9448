"""Shared by all tests: array shapes are checked, every test has its own home, shared data are optional."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

if not os.environ.get("CELLFLOW_UNCHECKED"):
    # Snapshots checks its own shapes, in production too; results hold what JSON gave back
    core = Path(__file__).parents[1] / "cellflow_core"
    rooms = (each.stem for each in core.glob("analysis/[!_]*") if each.stem != "results")
    checked = ["math", "data.batch", "models", *(f"analysis.{each}" for each in rooms)]
    install_import_hook([f"cellflow_core.{each}" for each in checked], "beartype.beartype")

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


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
