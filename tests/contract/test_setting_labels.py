"""Every setting of every model, trainer, step and simulator has a label in the field's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cellflow_core.config import Config
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.steps import registry as steps
from cellflow_core.models import registry as models
from cellflow_core.train.trainer import TrainConfig

RAW = re.compile(r"_|\b(sd|dims?|n|ema|imf|egr|mrna|ec50|emax|max|by|wfr)\b(?!-)")
"""Parts of names that are no words of a label."""
SYMBOLS = {"epsilon": "ε", "sigma": "σ", "tau": "τ", "rho": "ρ", "alpha": "α", "delta": "δ", "lambda1": "λ₁"}


def configs() -> Iterator[tuple[str, type[Config]]]:
    for kinds in (models, steps, simulators):
        for name in kinds.names():
            yield name, kinds.find(name).Config
    yield "trainer", TrainConfig


CASES = list(configs())


@pytest.mark.parametrize(("owner", "config"), CASES, ids=[name for name, _ in CASES])
def test_every_setting_has_a_label_of_the_field(owner, config):
    labels = [each.label for each in config.settings()]
    assert len(set(labels)) == len(labels)
    for each in config.settings():
        assert each.label[:1].isupper() or each.label.startswith("mRNA"), each.name
        assert not RAW.search(each.label.removeprefix("Choose cells by")), each.name
        assert len(each.label) <= 40, each.label
        if each.name in SYMBOLS:
            assert SYMBOLS[each.name] in each.label, each.name


def test_labels_that_the_field_knows():
    found = {each.name: each.label for each in models.find("ot-cfm").Config.settings()}
    assert (found["epsilon"], found["sigma"], found["width"]) == ("Regularisation ε", "Noise σ", "Hidden width")
    trainer = {each.name: each.label for each in TrainConfig.settings()}
    assert (trainer["learning_rate"], trainer["steps"]) == ("Learning rate", "Training steps")
