"""`pip install .` gives the core with its data files, and a command `cellflow` that needs nothing of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the package was installed, from a copy: a build leaves files in the tree it builds."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "cellflow_core", source / "cellflow_core", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", target, source], check=True)
    return target


def test_every_file_of_the_core_is_installed(installed):
    def files(folder: Path) -> set[Path]:
        return {each.relative_to(folder) for each in folder.rglob("*.*") if "__pycache__" not in each.parts}

    assert files(installed / "cellflow_core") == files(ROOT / "cellflow_core")


def test_what_it_needs_is_what_the_app_needs(installed):
    (found,) = distributions(name="cellflow-explorer", path=[str(installed)])
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert len(found.requires or ()) >= len([line for line in lines if line and not line.startswith("#")])
    assert {each.name: each.value for each in found.entry_points} == {"cellflow": "cellflow_core.cli:main"}


def test_the_command_lists_the_models_and_the_guide_has_its_results(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed), "CELLFLOW_HOME": str(tmp_path)}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    assert "ot-cfm" in run(installed / "bin" / "cellflow", "models")
    where = "import cellflow_core as core; from cellflow_core.selection.benchmark_results import evidence"
    printed = run(sys.executable, "-c", f"{where}; print(core.__file__, len(evidence()))")
    assert printed.startswith(str(installed)) and int(printed.split()[-1]) > 20
