"""No module of the core imports itself through others, imports inside functions and for type checkers included."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import cellflow_core

CORE = Path(cellflow_core.__file__).parent


def modules() -> dict[str, Path]:
    """Every module of the core by its dotted name."""
    found = {}
    for path in sorted(CORE.rglob("*.py")):
        parts = path.relative_to(CORE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The modules in `known` that a file imports anywhere in it; of a package, what it is asked for by name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                found.add(inner if inner in known else node.module)
    return found & set(known)


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of a graph, its first module again at the end; empty where there is none."""
    try:
        TopologicalSorter({name: others - {name} for name, others in graph.items()}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_a_circle_is_found_and_a_chain_is_none() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}


def test_no_module_imports_itself_through_others() -> None:
    known = modules()
    assert len(known) > 100
    graph = {name: imported(path, known) for name, path in known.items()}
    assert circle(graph) == [], "move what both need into a module below them"
