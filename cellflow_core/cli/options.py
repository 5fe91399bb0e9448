"""Flags and `--set key=value` out of the settings of a Config."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cellflow_core.config import Setting
from cellflow_core.runs.recipe import SEEDS, check_seed

_KINDS = {"int": int, "float": float, "str": str, "choice": str}


def add_settings(group: Any, settings: Iterable[Setting]) -> None:
    """One flag a setting; not given means the default, or the preset."""
    for each in settings:
        usual = "" if each.default == "" else f" (default {each.default}{' ' + each.unit if each.unit else ''})"
        text = f"{each.label}: {each.help}{usual}".replace("%", "%%")
        flag, name = "--" + each.name.replace("_", "-"), f"setting:{each.name}"
        if each.kind == "bool":
            group.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, help=text)
        else:
            choices = each.choices or None
            metavar = None if choices else each.kind.upper()
            group.add_argument(flag, dest=name, type=_KINDS[each.kind], choices=choices, metavar=metavar, help=text)


def given(chosen: argparse.Namespace, settings: Sequence[Setting]) -> dict[str, Any]:
    """Values of the flags that were given."""
    found = {each.name: getattr(chosen, f"setting:{each.name}", None) for each in settings}
    return {name: value for name, value in found.items() if value is not None}


def parsed(pairs: Iterable[str], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Values of `key=value` in the types of their settings. Raises ValueError that lists the settings there are."""
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise ValueError(f"--set {pair!r} is not of the form key=value")
        if name not in settings:
            raise ValueError(f"there is no setting {name!r}; there are {', '.join(settings)}")
        found[name] = _typed(settings[name], text.strip())
    return found


def _typed(setting: Setting, text: str) -> Any:
    if setting.kind == "bool":
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            setting.check(text)
        return text.lower() in ("true", "yes", "1")
    if setting.kind not in ("int", "float"):
        return text
    try:
        number = float(text)
    except ValueError:
        return setting.check(text)
    return int(number) if setting.kind == "int" and number.is_integer() else number


def value_of(argv: Sequence[str], flag: str) -> str | None:
    """What follows a flag on the raw command line, before anything is parsed."""
    for k, each in enumerate(argv):
        if each == flag and k + 1 < len(argv):
            return argv[k + 1]
        if each.startswith(flag + "="):
            return each.partition("=")[2]
    return None


def numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas."""
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers between commas, such as 0,0.5,1") from error


def seed(text: str) -> int:
    """A whole number that every random generator takes."""
    try:
        return check_seed(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {SEEDS}") from error


def seeds(text: str) -> tuple[int, ...]:
    """Seeds between commas."""
    try:
        return tuple(check_seed(int(each)) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {SEEDS}, or several between commas, such as 0,1,2"
        ) from error
