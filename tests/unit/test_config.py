"""A Config checks itself, reads itself back and tells a form what it needs to know."""

from dataclasses import dataclass
from typing import Literal

import pytest

from cellflow_core.config import Config, setting, titled, with_default
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.steps import registry as steps
from cellflow_core.models import registry as models


@dataclass(frozen=True)
class Small(Config):
    sigma: float = setting(0.1, "noise of the path", low=0.0, high=10.0, unit="state")
    steps: int = setting(5, "how many", low=1)
    kind: Literal["exact", "entropic"] = setting("exact", "coupling")
    ema: bool = setting(True, "average the weights")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sigma": -1.0}, "Noise σ must be a number from 0 to 10, in state, not -1.0 (setting sigma)"),
        ({"sigma": 11}, "Noise σ must be a number from 0 to 10, in state, not 11 (setting sigma)"),
        ({"sigma": float("nan")}, "Noise σ must be a number from 0 to 10, in state, not nan (setting sigma)"),
        ({"sigma": "a"}, "Noise σ must be a number from 0 to 10, in state, not 'a' (setting sigma)"),
        ({"steps": 0}, "Steps must be a whole number of at least 1, not 0 (setting steps)"),
        ({"steps": 1.5}, "Steps must be a whole number of at least 1, not 1.5 (setting steps)"),
        ({"steps": True}, "Steps must be a whole number of at least 1, not True (setting steps)"),
        ({"kind": "best"}, "Kind must be one of exact, entropic, not 'best' (setting kind)"),
        ({"ema": 1}, "Ema must be true or false, not 1 (setting ema)"),
        ({"sgima": 1.0}, "there is no setting 'sgima'; there are ema, kind, sigma, steps"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(values, sentence):
    with pytest.raises(ValueError) as raised:
        Small.from_dict(values)
    assert str(raised.value) == sentence


def test_a_config_reads_itself_back_and_normalises_types():
    made = Small.from_dict({"sigma": 1, "steps": 3.0})
    assert made == Small(sigma=1.0, steps=3)
    assert isinstance(made.sigma, float) and isinstance(made.steps, int)
    assert Small.from_dict(made.as_dict()) == made


def test_settings_describe_every_field():
    sigma, steps, kind, ema = Small.settings()
    assert (sigma.kind, sigma.low, sigma.high, sigma.unit, sigma.default) == ("float", 0.0, 10.0, "state", 0.1)
    assert (steps.kind, kind.kind, kind.choices, ema.kind) == ("int", "choice", ("exact", "entropic"), "bool")


def test_a_setting_is_inherited_with_another_default():
    @dataclass(frozen=True)
    class Coarse(Small):
        sigma: float = with_default(Small, "sigma", 0.5)
        bins: int = setting(3, "bins", 1)

    assert [each.name for each in Coarse.settings()] == ["sigma", "steps", "kind", "ema", "bins"]
    sigma = Coarse.settings()[0]
    assert (sigma.default, sigma.help, sigma.high, sigma.unit) == (0.5, "noise of the path", 10.0, "state")
    with pytest.raises(ValueError, match=r"from 0 to 10, in state, not 11.0 \(setting sigma\)"):
        Coarse(sigma=11.0)


@pytest.mark.parametrize(
    ("title", "variant", "label"),
    [
        ("JKOnet* (after Terpin et al.)", " (diffusion off)", "JKOnet* (after Terpin et al., diffusion off)"),
        ("JKOnet* (after Terpin et al.)", ", careful", "JKOnet* (after Terpin et al.), careful"),
        ("Action Matching", " (entropic), careful", "Action Matching (entropic), careful"),
        ("Action Matching", "", "Action Matching"),
    ],
)
def test_a_title_has_one_bracket(title: str, variant: str, label: str) -> None:
    assert titled(title, variant) == label


def test_every_setting_names_itself_and_its_bounds() -> None:
    for registry in (models, simulators, steps):
        for kind in (registry.find(name).Config for name in registry.names()):
            for each in kind.settings():
                if each.low is None and each.high is None:
                    continue
                outside = each.low - 1 if each.low is not None else each.high + 1
                with pytest.raises(ValueError) as raised:
                    kind.from_dict({each.name: outside})
                message = str(raised.value)
                assert message.startswith(f"{each.label} must be a ") and each.unit in message
                assert message.endswith(f", not {outside!r} (setting {each.name})")
