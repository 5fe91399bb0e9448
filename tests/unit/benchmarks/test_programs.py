"""Every benchmark runs as its first lines say: by its path, with nothing installed but the requirements."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import ROOT

FOLDER = ROOT / "benchmarks"
PROGRAMS = sorted(each for each in FOLDER.glob("*.py") if "__main__" in each.read_text(encoding="utf-8"))


def imported(program: Path) -> set[str]:
    """First names of all that it imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
    return found


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.stem)
def test_a_program_finds_the_core_by_its_own_path(program: Path) -> None:
    names = imported(program)
    beside = [FOLDER / f"{each}.py" for each in names if (FOLDER / f"{each}.py").exists()]
    texts = [each.read_text(encoding="utf-8") for each in (program, *beside)]
    assert any("sys.path.insert" in each or '"PYTHONPATH"' in each for each in texts) or not names & {
        "cellflow_core",
        "tests",
    }
