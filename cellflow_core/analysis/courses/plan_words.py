"""Plans of doses in words, as the command line and links hold them.

    standard amount=100 interval=12 number=4 infusion=0.5 loading=200 missed=2,3 delay=6 treatment=0

is a name and a regimen, of which only the amount is needed; " + " puts another regimen (of another treatment) beside
it.
"NAME given=2" takes the doses that the individual got times 2; a name alone: no more doses.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cellflow_core.analysis.courses.regimen import Plan, Regimen

_NAMES = {"infusion": "duration"}
_KNOWN = ("amount", "interval", "number", "infusion", "loading", "missed", "delay", "treatment", "given")
_WHOLE = ("number", "treatment")
NAMELESS = "plan"


def read_plan(text: str) -> Plan:
    """The plan of these words. Raises ValueError, with a sentence, for what is none."""
    first, *others = text.split(" + ")
    parts = [_pairs(each, text) for each in (first, *others)]
    name = " ".join(each for each in first.split() if "=" not in each) or NAMELESS
    if strange := [word for each in others for word in each.split() if "=" not in word]:
        raise ValueError(f"plan {text!r}: {strange[0]!r} stands after a +, and the name of a plan at its beginning")
    if parts == [{}]:
        return Plan(name)
    if any("given" in each for each in parts):
        if len(parts) > 1 or len(parts[0]) > 1:
            raise ValueError(f"plan {text!r}: given= takes the doses that were given, and no others beside them")
        return Plan(name, given=_number(parts[0]["given"], text))
    return Plan(name, tuple(_regimen(each, text) for each in parts))


def plan_words(plan: Plan) -> str:
    """The words that `read_plan` reads as this plan, numbers to 12 digits; what is as usual is left out.

    Raises ValueError for a name that words cannot hold: one with =, a + between spaces or two spaces, or an empty one.
    """
    if read_plan(plan.name) != Plan(plan.name):
        raise ValueError(f"a plan cannot be called {plan.name!r} in words: leave out = and +")
    if plan.given:
        return f"{plan.name} given={plan.given:.12g}"
    parts = []
    for each in plan.regimens:
        usual = Regimen(each.amount)
        kept = [one.name for one in fields(each) if getattr(each, one.name) != getattr(usual, one.name)]
        words = {name: getattr(each, name) for name in ("amount", *kept)}
        named = {next((a for a, b in _NAMES.items() if b == name), name): value for name, value in words.items()}
        parts.append(" ".join(f"{name}={_word(value)}" for name, value in named.items()))
    return f"{plan.name} {' + '.join(parts)}".rstrip()


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:.12g}"


def _pairs(words: str, text: str) -> dict[str, str]:
    parts = [each.partition("=") for each in words.split() if "=" in each]
    names = [name for name, _, _ in parts]
    if wrong := [each for each in names if each not in _KNOWN]:
        raise ValueError(f"plan {text!r}: there is no {wrong[0]}; there are {', '.join(_KNOWN)}")
    if twice := [each for each in names if names.count(each) > 1]:
        raise ValueError(f"plan {text!r} has {twice[0]} twice: leave one out")
    return {name: value for name, _, value in parts}


def _regimen(pairs: dict[str, str], text: str) -> Regimen:
    if "amount" not in pairs:
        raise ValueError(f"plan {text!r} has no amount, such as amount=100")
    values: dict[str, Any] = {}
    for key, value in pairs.items():
        if key == "missed":
            values[key] = tuple(_whole(each, text) for each in value.split(","))
        else:
            values[_NAMES.get(key, key)] = (_whole if key in _WHOLE else _number)(value, text)
    return Regimen(**values)


def _number(value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ValueError(f"plan {text!r}: {value!r} is not a number") from error


def _whole(value: str, text: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise ValueError(f"plan {text!r}: {value!r} is not a whole number") from error
