"""A prior network of genes is added to the cells, for models that infer gene regulation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data.networks import library
from cellflow_core.data.networks.matching import match
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.simulators.contract import HasNetwork
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult
from cellflow_core.data.store.dataset import Dataset

TRUE_NETWORK = "true network of the simulation"
NOTE = (
    "What a model with a prior network finds is in part what the network says: compare it with the same model without."
)


@dataclass(frozen=True)
class Settings(Config):
    network: str = setting(
        TRUE_NETWORK, f"name of a network that was added before, or {TRUE_NETWORK!r} for simulated cells"
    )
    names: Literal["same", "ignore-case"] = setting(
        "same",
        "whether Gata1 and GATA1 are the same gene. Only for a network of another species whose gene names differ from "
        "these in upper and lower case alone, as most of mouse and human do",
        choice_labels={"same": "as they are written", "ignore-case": "without regard to upper and lower case"},
        label="Names of genes match",
    )


class AddNetwork(Step):
    """Edges between genes of the data set are kept with the cells, under its names."""

    title = "Add a prior network"
    summary = (
        "Who is known to act on whom, from a database or a table of your own, for models of gene regulation. Genes are "
        "matched by name, and a report says how many were found."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        genes = dataset.genes
        if not genes:
            raise ValueError(
                f"{dataset.info.label!r} has no genes, so there is nothing that a network could join: import the genes"
            )
        on_progress("matching the genes of the network")
        network = true_network(dataset) if settings.network == TRUE_NETWORK else library.find(settings.network)[0]
        found = match(network, genes, dataset.gene_ids, settings.names == "ignore-case")
        used = int(found.network.among(data.space.genes).sum())
        if not used:
            raise ValueError(
                f"none of the {len(found.network.source):,} edges joins two of the {len(data.space.genes):,} genes of "
                "the state: change the state space to genes that the network names"
            )
        return StepResult(
            dataclasses.replace(data, network=found.network),
            f"added the prior network {network.name!r}: {used:,} edges among the {len(data.space.genes):,} genes of "
            "the state",
            notes=(found.report, NOTE),
            name="network",
        )


def true_network(dataset: Dataset) -> PriorNetwork:
    """The network that simulated cells obey. Raises ValueError, with a sentence, where they have none."""
    info = dataset.info
    simulator = create(info.truth, dict(info.truth_settings)) if info.truth else None
    if not isinstance(simulator, HasNetwork):
        raise ValueError(
            f"{info.label!r} does not come from a simulator with a network of genes: choose a network that was added"
        )
    return network_of(simulator)


def network_of(simulator: Any) -> PriorNetwork:
    """The network of a simulator that has one, as a prior network of its axes."""
    signs, names = simulator.network(), np.asarray(simulator.axes)
    targets, sources = np.nonzero(signs)
    return PriorNetwork(TRUE_NETWORK, names[sources], names[targets], signs[targets, sources].astype(np.float32))
