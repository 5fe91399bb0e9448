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

    def check(self, value: Any) -> Any:
        """Return `value` in the type of this setting, or raise ValueError: label, what it must be, what was found."""
        if self.kind == "choice":
            fits = value in self.choices
        elif self.kind == "bool" or self.kind == "str":
            fits = isinstance(value, bool if self.kind == "bool" else str)
        else:
            fits = self._is_number_inside(value)
        if not fits:
            raise ValueError(f"{self.label} must be {self.allowed}, not {value!r} (setting {self.name})")
        if self.kind in ("int", "float"):
            return int(value) if self.kind == "int" else float(value)
        return value

    @property
    def allowed(self) -> str:
        """What a value must be: "a number from 0 to 0.5", "a whole number of at least 1, in days"."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "bool" or self.kind == "str":
            return "true or false" if self.kind == "bool" else "text"
        kind = "a whole number" if self.kind == "int" else "a number"
        low, high = (None if each is None else f"{each:.10g}" for each in (self.low, self.high))
        bounds = f" from {low} to {high}" if low and high else f" of at least {low}" if low else ""
        bounds = bounds or (f" of at most {high}" if high else "")
        return kind + bounds + (f", in {self.unit}" if self.unit else "")

    def _is_number_inside(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        return low <= value <= high and (self.kind == "float" or value == int(value))


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
            object.__setattr__(self, each.name, each.check(getattr(self, each.name)))

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
            named, others = ", ".join(map(repr, unknown)), ", ".join(sorted(known)) or "none"
            raise ValueError(f"there is no setting {named}; there are {others}")
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
