"""Cards of the models."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from cellflow_core.models import registry
from cellflow_core.selection.model_cards import card, catalogue, conflict


def test_every_model_has_a_card_that_crosses_to_another_process():
    cards = catalogue()
    assert [each.name for each in cards] == list(registry.names())
    assert pickle.loads(pickle.dumps(cards)) == cards  # noqa: S301
    for each in cards:
        assert each.title and each.summary and each.paper and each.capabilities
        assert {s.name for s in each.training_settings} == set(each.presets["quick"])
    assert [each.name for each in cards if not each.needs] == [
        "cellrank",
        "dpt",
        "monocle",
        "palantir",
        "pba",
        "slingshot",
        "tscan",
        "sctour",
    ]  # any cells will do


def test_defaults_of_the_card_are_those_of_the_model():
    found = card("ot-cfm")
    defaults = {each.name: each.default for each in found.training_settings}
    assert defaults == dict(found.presets["standard"])


def test_a_card_tells_what_only_some_settings_give():
    plain = card("ot-cfm")
    assert plain.capabilities_with({}) == set(plain.capabilities) and plain.condition("velocity") == ""
    made = replace(
        plain, capabilities=("velocity", "growth"), conditional_capabilities={"growth": ("coupling", ("minibatch",))}
    )
    assert made.capabilities_with({}) == {"velocity"} and made.capabilities_with({"coupling": "minibatch"}) == {
        "velocity",
        "growth",
    }
    assert made.condition("growth") == "with coupling minibatch" and made.condition("velocity") == ""


def test_settings_that_clash_only_together_are_told():
    assert conflict("jkonet-star", {}) == conflict("jkonet-star", {"landscape": "moving"}) == ""
    assert "choose a fixed landscape" in conflict("jkonet-star", {"landscape": "moving", "diffusion": True})
    assert "at least two members" in conflict("ensemble", {each.name: False for each in card("ensemble").settings})
    assert "another coupling" in conflict("genot", {"structure": "lineage", "coupling": "unbalanced"})
    weights = ("pseudotime", "velocity", "real_time", "connectivity")
    assert "give one of them a weight" in conflict("cellrank", dict.fromkeys(weights, 0.0))
    with pytest.raises(ValueError, match="must be"):  # not allowed by itself
        conflict("jkonet-star", {"substeps": 0})
