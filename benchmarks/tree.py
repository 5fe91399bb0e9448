"""What the source tree is made of: lines of each room, fullest folders, longest modules and functions, duplicates.

    python benchmarks/tree.py                       # the whole project
    python benchmarks/tree.py --room cellflow_core  # one room, or several
    python benchmarks/tree.py --block 10 --top 20   # duplicates of ten lines or more, twenty rows a table

`tests/unit/test_house.py` holds the limits that these numbers keep.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("cellflow_core", "pages", "benchmarks", "tests")


@dataclass(frozen=True)
class Function:
    """One function or method: module, name with its class, first line and number of lines, docstring included."""

    module: Path
    name: str
    line: int
    lines: int


@dataclass(frozen=True)
class Block:
    """The same consecutive lines of code in several places (module, first line)."""

    lines: int
    places: tuple[tuple[Path, int], ...]


def modules(rooms: Iterable[str] = ROOMS, root: Path = ROOT) -> list[Path]:
    """Python files of these rooms, as paths relative to `root`."""
    return sorted(path.relative_to(root) for room in rooms for path in (root / room).rglob("*.py"))


def line_count(module: Path, root: Path = ROOT) -> int:
    return len((root / module).read_text().splitlines())


def functions(module: Path, root: Path = ROOT) -> Iterator[Function]:
    """Every function of a module; what is nested in a function is part of it."""

    def inside(body: Sequence[ast.stmt], prefix: str) -> Iterator[Function]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from inside(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Function(module, prefix + node.name, node.lineno, length)

    yield from inside(ast.parse((root / module).read_text()).body, "")


def folder_sizes(rooms: Iterable[str] = ROOMS, root: Path = ROOT) -> Counter[Path]:
    """Folder -> number of Python files directly in it, `__init__.py` left out."""
    return Counter(module.parent for module in modules(rooms, root) if module.name != "__init__.py")


def duplicates(found: Iterable[Path], block: int, root: Path = ROOT) -> list[Block]:
    """Blocks of at least `block` equal lines, longest first. Blank lines, comments and imports do not count."""
    code = {module: _code(module, root) for module in found}
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    for module, lines in code.items():
        for k in range(len(lines) - block + 1):
            places[tuple(text for _, text in lines[k : k + block])].append((module, k))
    seen: set[tuple[Path, int]] = set()
    blocks = []
    for starts in [each for each in places.values() if len(each) > 1]:
        if all(start in seen for start in starts):
            continue
        length = block
        while len({_line(code, start, length) for start in starts}) == 1 and _line(code, starts[0], length) is not None:
            length += 1
        seen |= {(module, k + shift) for module, k in starts for shift in range(length - block + 1)}
        blocks.append(Block(length, tuple((module, code[module][k][0]) for module, k in starts)))
    return sorted(blocks, key=lambda each: -each.lines)


def _code(module: Path, root: Path) -> list[tuple[int, str]]:
    """Lines that count for duplicates: number in the file, and text without indentation."""
    lines = ((k, text.strip()) for k, text in enumerate((root / module).read_text().splitlines(), 1))
    return [(k, text) for k, text in lines if text and not text.startswith(("#", "import ", "from "))]


def _line(code: dict[Path, list[tuple[int, str]]], start: tuple[Path, int], shift: int) -> str | None:
    module, k = start
    return code[module][k + shift][1] if k + shift < len(code[module]) else None


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--room", nargs="*", default=list(ROOMS), help="folders to count")
    parser.add_argument("--block", type=int, default=8, help="fewest equal lines that count as a duplicate")
    parser.add_argument("--top", type=int, default=10, help="rows of each table")
    options = parser.parse_args(arguments)
    found = modules(options.room)
    lines = {module: line_count(module) for module in found}

    print("lines   modules  room")
    for room in options.room:
        own = [lines[module] for module in found if module.parts[0] == room]
        print(f"{sum(own):6d}  {len(own):7d}  {room}")
    print("\nmodules in one folder")
    for folder, count in folder_sizes(options.room).most_common(options.top):
        print(f"{count:6d}  {folder}")
    print("\nlongest modules (lines)")
    for module, count in Counter(lines).most_common(options.top):
        print(f"{count:6d}  {module}")
    print("\nlongest functions (lines)")
    every = sorted((each for module in found for each in functions(module)), key=lambda each: -each.lines)
    for each in every[: options.top]:
        print(f"{each.lines:6d}  {each.module}:{each.line} {each.name}")
    blocks = duplicates(found, options.block)
    print(f"\nblocks of {options.block} or more equal lines: {len(blocks)}")
    for each in blocks[: options.top]:
        print(f"{each.lines:6d}  {', '.join(f'{module}:{line}' for module, line in each.places)}")


if __name__ == "__main__":
    main()
