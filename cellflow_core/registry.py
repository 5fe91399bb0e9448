"""A folder and its subfolders, a class of a kind in each module: `gaussian-bridge` is the one in gaussian_bridge.py."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Registry(Generic[Kind]):
    """Finds the classes of a package by name, importing only the file that is asked for.

    package  its dotted name; kind: what the classes are; word: what a person calls one
    others   modules of the folder that hold none
    """

    package: str
    kind: type[Kind]
    word: str
    excluded_modules: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """Every one, by name."""
        return tuple(sorted(self._modules()))

    def _modules(self) -> dict[str, str]:
        """Name of each class -> dotted name of its module."""
        folder = Path(__file__).parents[1].joinpath(*self.package.split("."))
        files = (each for each in folder.rglob("[!_]*.py") if each.stem not in self.excluded_modules)
        parts = {each.stem: each.relative_to(folder).with_suffix("").parts for each in files}
        return {stem.replace("_", "-"): ".".join((self.package, *names)) for stem, names in parts.items()}

    def find(self, name: str) -> type[Kind]:
        """The class of this name. Raises KeyError that lists those there are."""
        modules = self._modules()
        if name not in modules:
            raise KeyError(f"there is no {self.word} {name!r}; there are {', '.join(self.names())}")
        module = importlib.import_module(modules[name])
        held = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, self.kind)]
        (found,) = (each for each in held if each.__module__ == module.__name__)
        return found
