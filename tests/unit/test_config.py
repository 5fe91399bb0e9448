"""A Config checks itself, reads itself back and tells a form what it needs to know."""

from dataclasses import dataclass
from typing import Literal

import pytest

from cellflow_core.config import Config, setting, titled, with_default


@dataclass(frozen=True)
class Small(Config):
    sigma: float = setting(0.1, "noise of the path", low=0.0, high=10.0, unit="state")
    steps: int = setting(5, "how many", low=1)
    kind: Literal["exact", "entropic"] = setting("exact", "coupling")
    ema: bool = setting(True, "average the weights")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sigma": -1.0}, "sigma=-1.0 is below 0.0"),
        ({"sigma": 11}, "sigma=11 is above 10.0"),
        ({"sigma": float("nan")}, "sigma=nan is not finite"),
        ({"sigma": "a"}, "sigma='a' is not a number"),
        ({"steps": 1.5}, "steps=1.5 is not a whole number"),
        ({"steps": True}, "steps=True is not a number"),
        ({"kind": "best"}, "kind='best' is not one of exact, entropic"),
        ({"ema": 1}, "ema=1 is not a bool"),
        ({"sgima": 1.0}, "Small has no setting sgima; it has ema, kind, sigma, steps"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        Small.from_dict(values)


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
    with pytest.raises(ValueError, match=r"sigma=11.0 is above"):
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
