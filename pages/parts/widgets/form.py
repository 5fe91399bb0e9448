"""A form from declared settings: one widget each, with its meaning, unit and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cellflow_core.config import Setting
from cellflow_core.reporting.formatting import as_sentence, plain

SHORT_UNIT = 16  # letters that still fit beside a name


def form_of(settings: Sequence[Setting], defaults: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Show every setting and return the values by name.

    `defaults` replace the declared ones (a preset). Widgets are keyed `<key>_<name>`; another `key` starts afresh.
    A value that its setting does not allow is returned as it was typed, with a sentence below it; `refusals` are these.
    """
    columns = st.columns(2)
    return {
        each.name: field(each, defaults.get(each.name, each.default), f"{key}_{each.name}", columns[k % 2])
        for k, each in enumerate(settings)
    }


def refusals(settings: Sequence[Setting], values: Mapping[str, Any]) -> list[str]:
    """A sentence for each value that its setting does not allow; nothing can be begun while there is one."""
    found = []
    for each in settings:
        try:
            each.check(values.get(each.name, each.default))
        except ValueError as error:
            found.append(plain(as_sentence(str(error))))
    return found


def blocked(settings: Sequence[Setting], values: Mapping[str, Any]) -> bool:
    """Is there a value that its setting does not allow? Each is named once more, where nothing can be begun with it."""
    wrong = refusals(settings, values)
    for each in wrong:
        st.caption(f":material/block: {each}")
    return bool(wrong)


def label_of(setting: Setting) -> str:
    """The field's name, with a short unit: "Learning rate", "Batch (cells)"."""
    unit = f" ({setting.unit})" if 0 < len(setting.unit) <= SHORT_UNIT else ""
    return setting.label + unit


def help_of(setting: Setting) -> str:
    """Meaning, a long unit, bounds and default in one text."""
    bounds = {
        (True, True): f"From {_shown(setting.low)} to {_shown(setting.high)}.",
        (True, False): f"At least {_shown(setting.low)}.",
        (False, True): f"At most {_shown(setting.high)}.",
        (False, False): "",
    }[setting.low is not None, setting.high is not None]
    meaning = setting.help[:1].upper() + setting.help[1:] + "." if setting.help else ""
    unit = f"In {setting.unit}." if len(setting.unit) > SHORT_UNIT else ""
    usual = setting.choice_labels.get(setting.default, _shown(setting.default))
    return " ".join(filter(None, (meaning, unit, bounds, f"Usually {usual}.")))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e9 else f"{value:g}"
    return str(value)


def field(setting: Setting, value: Any, key: str, where: Any) -> Any:
    """One widget of a form, in this place: what was chosen or typed, with a sentence below it where that is refused."""
    label, help = label_of(setting), help_of(setting)
    if setting.kind == "bool":
        return where.toggle(label, value, key=key, help=help, persist_state="session")
    if setting.kind == "choice":
        at = setting.choices.index(value)
        return where.selectbox(
            label,
            setting.choices,
            at,
            lambda each: setting.choice_labels.get(each, each),
            key=key,
            help=help,
            persist_state="session",
        )
    if setting.kind == "str":
        return where.text_input(label, value, key=key, help=help, persist_state="session")
    step = 10.0 ** math.floor(math.log10(abs(value))) if value else 1.0
    step = max(step // 10, 1.0) if setting.kind == "int" else step / 2
    # without bounds of its own, since what is outside them would stay in the box, and another value would be used
    number = where.number_input(
        label, value=float(value), step=step, format="%g", key=key, help=help, persist_state="session"
    )
    if setting.kind == "int" and number == int(number):
        number = int(number)
    for each in refusals([setting], {setting.name: number}):
        where.error(each)
    return number
