"""Every model as a page or a table shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cellflow_core.config import Setting, unavailable_capabilities


@dataclass(frozen=True)
class ModelCard:
    """What a person can know about a model before training it.

    needs              of the data, as sentences, whatever the settings; usual_needs: with the default settings
    capabilities       names of what it can be asked for, with some settings or other
    conditional_capabilities  capability -> (setting, the values that give it), for those that not all settings give
    limitation         a sentence to stand beside every picture of the model, or nothing
    missing_package    an optional package that it rests on and that is not installed, or nothing
    tracks_cells       does it follow a cell through time? Not a model that draws other cells at each time
    training_settings  of the trainer, with the defaults of this model; presets: their values by name of the preset
    """

    name: str
    family: str
    title: str
    summary: str
    paper: str
    needs: tuple[str, ...]
    usual_needs: tuple[str, ...]
    capabilities: tuple[str, ...]
    settings: tuple[Setting, ...]
    training_settings: tuple[Setting, ...]
    presets: Mapping[str, Mapping[str, Any]]
    conditional_capabilities: Mapping[str, tuple[str, tuple[Any, ...]]]
    limitation: str
    missing_package: str
    tracks_cells: bool

    def capabilities_with(self, settings: Mapping[str, Any]) -> frozenset[str]:
        """What the model can be asked for with these settings, and the defaults of the others."""
        every = {each.name: each.default for each in self.settings} | dict(settings)
        return frozenset(self.capabilities) - unavailable_capabilities(self.conditional_capabilities, every)

    def condition(self, capability: str) -> str:
        """ "with variant unbalanced": what the settings must be for this capability; empty where it is always there."""
        if capability not in self.conditional_capabilities:
            return ""
        key, values = self.conditional_capabilities[capability]
        own = next(each for each in self.settings if each.name == key)
        words = (
            "on" if each is True else "off" if each is False else own.choice_labels.get(each, each) for each in values
        )
        return f"with {own.label[:1].lower()}{own.label[1:]} {' or '.join(words)}"

    def settings_for(self, capability: str) -> dict[str, Any]:
        """The settings, other than the defaults, that give this capability; none where the defaults do.

        Raises KeyError where the model never has it.
        """
        if capability not in self.capabilities:
            raise KeyError(
                f"{self.title} has no {capability}, whatever its settings; it has {', '.join(self.capabilities)}"
            )
        key, values = self.conditional_capabilities.get(capability, ("", ()))
        usual = next((each.default for each in self.settings if each.name == key), None)
        return {} if not key or usual in values else {key: values[0]}


def catalogue() -> tuple[ModelCard, ...]:
    """A card of every model, by family and name. Imports torch."""
    from cellflow_core.models import registry

    return tuple(card(name) for name in registry.names())


def card(name: str) -> ModelCard:
    """The card of one model. Raises KeyError that lists the models there are."""
    from cellflow_core.models import registry
    from cellflow_core.models.contract import HasSampler, capabilities
    from cellflow_core.train.trainer import PRESETS, TrainConfig

    kind = registry.find(name)
    own = TrainConfig.from_dict(dict(kind.default_training)).as_dict()
    return ModelCard(
        name=name,
        family=registry.family(name),
        title=kind.title,
        summary=kind.summary,
        paper=kind.paper,
        needs=tuple(sorted(str(each) for each in kind.needs)),
        usual_needs=tuple(sorted(str(each) for each in kind.required_data(kind.Config()))),
        capabilities=tuple(sorted(capabilities(kind))),
        settings=kind.Config.settings(),
        training_settings=tuple(dataclasses.replace(each, default=own[each.name]) for each in TrainConfig.settings()),
        presets={preset: TrainConfig.preset(preset, kind).as_dict() for preset in PRESETS},
        conditional_capabilities=kind.conditional_capabilities,
        limitation=kind.limitation,
        missing_package="" if kind.installed() else kind.package,
        tracks_cells=kind.tracks_cells if issubclass(kind, HasSampler) else True,
    )


def conflict(name: str, settings: Mapping[str, Any]) -> str:
    """What settings of a model ask for that cannot be had together, each allowed by itself; empty where nothing does.

    Raises KeyError that lists the models there are, ValueError for a value that is not allowed. Imports torch.
    """
    from cellflow_core.models import registry

    config = registry.find(name).Config
    for each in config.settings():
        each.check(settings.get(each.name, each.default))
    try:
        config.from_dict(settings)
    except ValueError as error:
        return str(error)
    return ""
