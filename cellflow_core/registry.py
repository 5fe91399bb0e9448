"""A folder of modules in which each holds one class of a kind: `gaussian-bridge` is the one in gaussian_bridge.py."""

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
        folder = Path(__file__).parents[1].joinpath(*self.package.split("."))
        files = (each.stem for each in folder.glob("[!_]*.py") if each.stem not in self.excluded_modules)
        return tuple(sorted(each.replace("_", "-") for each in files))

    def find(self, name: str) -> type[Kind]:
        """The class of this name. Raises KeyError that lists those there are."""
        if name not in self.names():
            raise KeyError(f"there is no {self.word} {name!r}; there are {', '.join(self.names())}")
        module = importlib.import_module(f"{self.package}.{name.replace('-', '_')}")
        held = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, self.kind)]
        (found,) = (each for each in held if each.__module__ == module.__name__)
        return found
