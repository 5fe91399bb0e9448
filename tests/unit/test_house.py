"""Tests of the tree itself: sizes of modules, functions and folders, and where a newcomer finds what.

`python benchmarks/tree.py` prints the numbers behind the limits.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest
import tree

from tests import ROOT

MODULE_LINES = 300
FUNCTION_LINES = 60
FOLDER_MODULES = 18
WIDE_FOLDERS = {"benchmarks": "programs, one a table"}
HITS = 12
"""Most files that a search for one word may show."""
ROW = re.compile(r"^\| (?P<what>[^|]+) \| `(?P<word>[^`|]+)` \| `(?P<file>[^`|]+)` \|$")


def test_a_worker_takes_whole_files(request: pytest.FixtureRequest):
    """Versions of pytest and xdist that do not fit lose the groups of tests/conftest.py without a word."""
    if request.config.getoption("dist", "no") != "loadgroup" and not os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("tests are not divided among workers")
    assert request.node.nodeid.endswith(f"@{request.path}")


def test_no_module_is_longer_than_its_limit():
    long = {str(each): tree.line_count(each) for each in tree.modules()}
    assert {name: lines for name, lines in long.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_its_limit():
    every = (each for module in tree.modules() for each in tree.functions(module))
    long = {f"{each.module}:{each.name}": each.lines for each in every if each.lines > FUNCTION_LINES}
    assert long == {}


def test_no_folder_holds_more_modules_than_its_limit():
    assert {
        str(folder): n
        for folder, n in tree.folder_sizes().items()
        if n > FOLDER_MODULES and str(folder) not in WIDE_FOLDERS
    } == {}


def test_no_link_is_part_of_the_tree():
    """A link to an environment elsewhere would replace the environment of whoever merges it."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the tree has no history")
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if line.startswith("120000")] == []


def finds() -> list[tuple[str, str, str]]:
    """The table "Where is" of CONTRIBUTING.md: what is looked for, the word to search for, the file."""
    rows = filter(None, map(ROW.match, (ROOT / "CONTRIBUTING.md").read_text().splitlines()))
    return [(row["what"], row["word"], row["file"]) for row in rows]


def search(word: str) -> list[str]:
    """Source files and documents whose path holds this word: what `git ls-files | grep -i word` shows."""
    rooms = (*tree.modules(("cellflow_core", "pages")), *(path.relative_to(ROOT) for path in ROOT.glob("docs/**/*.md")))
    return [str(path) for path in rooms if word.lower() in str(path).lower()]


@pytest.mark.parametrize(("what", "word", "file"), finds(), ids=[what for what, _, _ in finds()])
def test_it_is_found_by_the_word_of_the_field(what: str, word: str, file: str):
    hits = search(word)
    assert any(file in f"/{each}" for each in hits), f"{what}: {hits}"
    assert len(hits) <= HITS, f"{what}: too many files are called {word}: {hits}"


def test_the_table_has_twenty_rows():
    assert len(finds()) >= 20


def test_the_program_prints_every_table(capsys):
    tree.main(["--room", "benchmarks", "--block", "6", "--top", "2"])
    shown = capsys.readouterr().out
    assert all(
        each in shown for each in ("longest modules", "longest functions", "modules in one folder", "benchmarks")
    )


def test_equal_lines_are_found_once_and_whole(tmp_path):
    block = [f"x{k} = {k}" for k in range(6)]
    (tmp_path / "one.py").write_text("\n".join(["import os", *block, "y = 1"]))
    (tmp_path / "two.py").write_text("\n".join(["# a comment", "z = 2", "", *block[:3], "", *block[3:]]))
    (found,) = tree.duplicates([Path("one.py"), Path("two.py")], 4, tmp_path)
    assert (found.lines, found.places) == (6, ((Path("one.py"), 2), (Path("two.py"), 4)))


def calls_by_name() -> list[str]:
    """The functions that pages and jobs name in a string, "module:function", for another process to call."""
    text = "".join((ROOT / module).read_text() for module in tree.modules(("cellflow_core", "pages")))
    return sorted({"".join(each) for each in re.findall(r'"(cellflow_core[\w.]+:\w+)"', text)})


@pytest.mark.parametrize("path", calls_by_name())
def test_what_another_process_is_to_call_is_there(path: str):
    module, _, name = path.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


NAMED_FILE = re.compile(r"(?<![\w/.<*{}>-])((?:\w+/)*\w+\.py)\b")


def named_files() -> list[tuple[str, str]]:
    """(where, file) of every file that a docstring or a document names."""
    texts = [(str(each), docstrings((ROOT / each).read_text())) for each in tree.modules() if each.parts[0] != "tests"]
    texts += [(str(each.relative_to(ROOT)), each.read_text()) for each in ROOT.glob("docs/**/*.md")]
    return sorted({(place, file) for place, text in texts for file in NAMED_FILE.findall(text)})


def docstrings(code: str) -> str:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return "\n".join(ast.get_docstring(node) or "" for node in ast.walk(ast.parse(code)) if isinstance(node, kinds))


@pytest.mark.parametrize(("place", "file"), named_files())
def test_files_that_texts_name_are_there(place: str, file: str):
    everywhere = ["/app.py", *(f"/{each}" for each in tree.modules())]
    assert any(each.endswith(f"/{file}") for each in everywhere), f"{place} names {file}, which is not there"
