"""Every benchmark runs as its first lines say: by its path, with nothing installed but the requirements."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import ROOT

FOLDER = ROOT / "benchmarks"
PROGRAMS = sorted(each for each in FOLDER.glob("*.py") if "__main__" in each.read_text(encoding="utf-8"))
CORE = {"cellflow_core", "tests"}


def names(node: ast.stmt) -> list[str]:
    """First names of what a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return [each.name.split(".")[0] for each in node.names] if isinstance(node, ast.Import) else []


def found_early(text: str, folder: Path, known: bool = False) -> tuple[list[str], bool]:
    """(what is imported of the core before its path is known, is it known at the end), modules beside included, in the
    order in which Python runs them."""
    early: list[str] = []
    for node in ast.parse(text).body:
        known = known or "sys.path.insert" in ast.unparse(node)
        for name in names(node):
            beside = folder / f"{name}.py"
            if name in CORE and not known:
                early.append(name)
            elif beside.exists():
                more, known = found_early(beside.read_text(encoding="utf-8"), folder, known)
                early += more
    return early, known


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.stem)
def test_a_program_finds_the_core_by_its_own_path(program: Path) -> None:
    assert found_early(program.read_text(encoding="utf-8"), FOLDER)[0] == []


def test_an_import_before_the_path_is_found(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from cellflow_core import config\n")
    late = "import sys\nimport beside\nsys.path.insert(0, '..')\n"
    assert found_early(late, tmp_path) == (["cellflow_core"], True)
    assert found_early("import sys\nsys.path.insert(0, '..')\nimport beside\n", tmp_path) == ([], True)
