"""One declaration of a setting, from which come its check, its form widget, its CLI flag and its table row."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from cellflow_core.setting_labels import LABELS


@dataclass(frozen=True)
class Setting:
    """One field of a Config as data: what a form, a command line or a table needs to show it.

    label          the field's name for it, with the symbol of the paper where there is one: "Noise σ", "Hidden width"
    choice_labels  what a form calls the choices that are abbreviations
    """

    name: str
    kind: Literal["bool", "int", "float", "str", "choice"]
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    choice_labels: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            words = self.name.replace("_", " ")
            object.__setattr__(self, "label", LABELS.get(self.name, words[:1].upper() + words[1:]))

    def check(self, owner: str, value: Any) -> Any:
        """Return `value` in the type of this setting, or raise ValueError with a sentence that names it."""
        where = f"{owner}: {self.name}={value!r}"
        if self.kind == "choice":
            if value not in self.choices:
                raise ValueError(f"{where} is not one of {', '.join(self.choices)}")
            return value
        if self.kind == "bool" or self.kind == "str":
            wanted = bool if self.kind == "bool" else str
            if not isinstance(value, wanted):
                raise ValueError(f"{where} is not a {wanted.__name__}")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{where} is not a number")
        if not math.isfinite(value):
            raise ValueError(f"{where} is not finite")
        if self.kind == "int" and value != int(value):
            raise ValueError(f"{where} is not a whole number")
        if self.low is not None and value < self.low:
            raise ValueError(f"{where} is below {self.low}")
        if self.high is not None and value > self.high:
            raise ValueError(f"{where} is above {self.high}")
        return int(value) if self.kind == "int" else float(value)


def setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choice_labels: Mapping[str, str] | None = None,
    label: str = "",
) -> Any:
    """Declare one field of a Config: default, meaning, bounds (both included), unit, words for its choices, and what a
    form calls it (none: its name in words)."""
    about = {"help": help, "low": low, "high": high, "unit": unit}
    about |= {"choice_labels": choice_labels or {}, "label": label}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Config:
    """A flat frozen dataclass whose values are checked when it is made. Fields are bool, int, float, str or Literal."""

    def __post_init__(self) -> None:
        for each in self.settings():
            object.__setattr__(self, each.name, each.check(type(self).__qualname__, getattr(self, each.name)))

    @classmethod
    def settings(cls) -> tuple[Setting, ...]:
        """Every field as a Setting, in the order of declaration."""
        hints = get_type_hints(cls)
        found = []
        for each in dataclasses.fields(cls):
            hint = hints[each.name]
            choices = tuple(get_args(hint)) if get_origin(hint) is Literal else ()
            found.append(
                Setting(
                    each.name, "choice" if choices else hint.__name__, each.default, choices=choices, **each.metadata
                )
            )
        return tuple(found)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make from a mapping, as read from JSON or a form. An unknown key is a ValueError that lists the known."""
        known = {each.name for each in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"{cls.__qualname__} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known)) or 'none'}"
            )
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """The settings as a mapping that JSON can hold; `of` reads it back."""
        return dataclasses.asdict(self)


def with_default(config: type[Config], name: str, default: Any, **changed: Any) -> Any:
    """The field `name` of another Config, declared again with another default, and what else is `changed` of it."""
    found = next(each for each in dataclasses.fields(config) if each.name == name)
    return field(default=default, metadata={**found.metadata, **changed})


MOVES_CELLS = frozenset({"velocity", "drift", "coupling", "sampler"})
"""Capabilities of which one is needed to simulate cells: a model without them orders or links the measured ones."""


def unavailable_capabilities(
    conditional_capabilities: Mapping[str, tuple[str, tuple[Any, ...]]], settings: Mapping[str, Any]
) -> frozenset[str]:
    """Names in `conditional_capabilities`, name -> (setting, values that allow it), that the settings do not allow."""
    return frozenset(name for name, (key, values) in conditional_capabilities.items() if settings[key] not in values)


def variant(settings: Sequence[Setting], values: Mapping[str, Any]) -> str:
    """ " (entropic, diffusion off)": choices and switches of `values` that are not the usual ones, or nothing."""
    words = differences([each for each in settings if each.kind in ("choice", "bool")], values)
    return f" ({words})" if words else ""


def titled(title: str, variant: str) -> str:
    """ "JKOnet* (after Terpin et al., diffusion off)": a title with what `variant` gives, in one bracket."""
    if title.endswith(")") and variant.startswith(" ("):
        return f"{title[:-1]}, {variant[2:]}"
    return title + variant


def differences(settings: Sequence[Setting], values: Mapping[str, Any]) -> str:
    """ "entropic, hidden width 8": every one of `values` that is not the default, or nothing."""
    changed = [each for each in settings if each.name in values and values[each.name] != each.default]
    words = []
    for each in changed:
        value = values[each.name]
        if each.kind == "choice":
            words.append(str(each.choice_labels.get(value, value)))
        elif each.kind == "bool":
            words.append(f"{each.label.lower()} {'on' if value else 'off'}")
        else:
            words.append(f"{each.label} {value:,}" if each.kind == "int" else f"{each.label} {value}")
    return ", ".join(words)
