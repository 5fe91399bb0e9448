"""The field's terms, everywhere: a glossary of the words that stay out of names, labels and documents."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tree

from tests import ROOT

NAMES = {
    "apart": "distance, separation",
    "aside": "held_out",
    "astray": "density_loss",
    "bends": "tangents, offsets",
    "bent": "spline, geodesic",
    "blur": "epsilon, bandwidth",
    "crowd": "population",
    "dear": "high penalty",
    "felt": "interaction",
    "landing": "ot_loss",
    "price": "penalty, rho",
    "prices": "penalties",
    "reach": "cutoff, length_scale",
    "ride": "interacting path",
    "rides": "interacting paths",
    "said": "message, summary",
    "say": "message, print",
    "tell": "print, log",
    "told": "printed, given",
    "unseen": "held_out, validation",
    "upto": "cdf",
    "walk": "path",
    "walks": "paths",
    "way": "path",
    "ways": "paths",
    "wish": "goal, request",
    "wishes": "goals",
}
"""Old word in names of files, functions, classes, arguments and variables -> words of the field to choose from."""

WORDS = {
    r"blurs?|blurred": "regularisation, bandwidth",
    r"bends?|bent": "is curved, smooth",
    r"crowds?": "population",
    r"distances from the middle": "RMS radii",
    r"hangs? on": "depends on",
    r"how far to believe": "trust",
    r"mean squared distances": "multiples of the mean cost",
    r"prices?|priced": "penalty",
    r"rides?|riding": "interacting paths",
    r"spreads of the data": "standard deviations (pooled)",
    r"stands? still|standing still|stood still": "previous snapshot, at rest",
    r"told": "given, stated",
    r"unseen": "held-out, validation",
    r"(?<!half-)ways?": "path, trajectory; method, form",
    r"wish(es)?": "goal, requirement",
}
"""Old words in labels, messages and documents -> words of the field to choose from."""

EXCEPT = {
    "cellflow_core/aliases.py": "the table of old names itself",
    "tests/unit/test_glossary.py": "the list of old words itself",
}

PATTERN = re.compile("|".join(rf"\b(?:{each})\b" for each in WORDS), re.IGNORECASE)
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def names(module: Path, code: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that a module gives: its own and those of its functions, classes, arguments and variables, with lines."""
    yield 1, module.stem
    for node in ast.walk(code):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.startswith("test_"):
                yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


def texts(code: ast.Module) -> Iterator[tuple[int, str]]:
    """Sentences among the string literals of a module, with lines: labels, help and messages; no docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    silent = {
        id(each.value)
        for node in ast.walk(code)
        if isinstance(node, documented)
        for each in node.body
        if isinstance(each, ast.Expr)
    }
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def room_of(path: Path) -> str:
    parts = path.parts[:-1]
    return "/".join(parts[:2] if parts and parts[0] in ("cellflow_core", "pages") else parts[:1]) or path.name


@cache
def finds() -> dict[str, list[str]]:
    """Room -> each old word in it: file, line, word, what to choose instead."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in tree.modules():
        if str(module) in EXCEPT:
            continue
        code = ast.parse((ROOT / module).read_text())
        for line, name in names(module, code):
            for word in {each.lower() for each in PARTS.findall(name)} & NAMES.keys():
                found[room_of(module)].append(f"{module}:{line} name {name}: {NAMES[word]}")
        if module.parts[0] in ("cellflow_core", "pages"):
            for line, text in texts(code):
                found[room_of(module)] += [f"{module}:{line} text: {each}" for each in old_words(text)]
    for path in [
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("assets/**/*.md"),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
    ]:
        where = path.relative_to(ROOT)
        for line, text in enumerate(path.read_text().splitlines(), 1):
            found[room_of(where)] += [f"{where}:{line} text: {each}" for each in old_words(text)]
    return found


def old_words(text: str) -> list[str]:
    """Old words of a text, each with what to choose instead."""
    found = []
    for hit in PATTERN.finditer(text):
        better = next(new for old, new in WORDS.items() if re.fullmatch(old, hit.group(), re.IGNORECASE))
        found.append(f"{hit.group()!r} -> {better}")
    return found


def test_old_words_stay_out():
    found = [each for room in finds().values() for each in room]
    assert not found, "\n".join(found)


def test_a_word_inside_another_is_none():
    assert old_words("always away, Wasserstein; walkthrough, override, wayward") == []
    assert len(old_words("The way hangs on the price.")) == 3
