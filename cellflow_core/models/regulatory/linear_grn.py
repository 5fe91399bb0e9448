"""Linear gene regulation as in CellOracle: ridge regressions on the regulators, and a perturbation sent through them.

Kamimoto, Stringa, Hoffmann, Jindal, Solnica-Krezel & Morris, "Dissecting cell identity via network inference and in
silico gene perturbation", Nature 614:742, 2023, doi:10.1038/s41586-022-05688-9. For each target i, in units of the
standard deviation of each gene, the mean over bags of cells (drawn with replacement) of

    w_i = argmin sum over cells (z_i - sum_j w_ij z_j)^2 + alpha |w_i|^2,    j over the regulators but i

A perturbation is the change d of the levels of some genes. It is sent through the network a few times,

    d <- W d,  perturbed genes held at their change,  levels x + d not below 0,

which gives how levels shift, not where cells go. Departures: all regulators are in every bag, where the authors draw
four fifths; one network gives both edges and responses, where the authors fit a second one; no edge is left out by its
p-value. Every regulator may act on every gene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.gene_networks.group_networks import GroupNetworks, GroupSettings, chosen_genes

Array = np.ndarray


@dataclass(frozen=True)
class Settings(GroupSettings):
    regulators: str = setting(
        "", "genes that may act on others, separated by commas; empty: all genes", label="Regulators"
    )
    prior: Literal["none", "mask"] = setting(
        "none",
        "which regulators a gene may have: all, or those that the prior network of the data gives it",
        choice_labels={"none": "all regulators", "mask": "edges of the prior network"},
        label="Prior network",
    )
    ridge: float = setting(
        10.0, "penalty of squared influences, beside the squared errors of all cells", 1e-3, 1e6, label="Penalty α"
    )
    bags: int = setting(20, "samples of the cells over which influences are averaged", 1, 1000, label="Bags")


class LinearGRN(GroupNetworks):
    title = "Linear network (after CellOracle, Kamimoto et al. 2023)"
    summary = (
        "Explains each gene as a weighted sum of its regulators, in all cells or group by group, and sends the change "
        "of a gene through these weights."
    )
    limitation = (
        "Weights tell which genes predict which at one moment, not what acts on what: without a prior network, half of "
        "them point against the regulation. A response is a shift of levels in few linear steps, not a later state."
    )
    paper = "Kamimoto et al. 2023, Nature 614:742, doi:10.1038/s41586-022-05688-9"
    Config = Settings
    config: Settings

    scale: Tensor  # [groups, genes]: standard deviations (state); 0 for a gene that does not vary

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.sources = np.flatnonzero(chosen_genes(config.regulators, spec.genes, "regulators"))
        self.allowed: Array | None = None
        """Edges of the prior network [target, source]; None: all."""
        self.register_buffer("scale", torch.zeros(len(self.groups), spec.dim))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | ({DataRequirement.NETWORK} if config.prior == "mask" else set())

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        if self.config.prior == "mask" and frames.prior is not None:
            self.allowed = frames.prior.cpu().numpy() != 0
        super().prepare(frames, rng)

    def fit_group(self, place: int, x: Float[Array, "cells genes"], rng: np.random.Generator) -> None:
        super().fit_group(place, x, rng)
        self.scale[place] = torch.from_numpy(x.std(axis=0)).to(self.scale)

    def estimate(self, x: Float[Array, "cells genes"], rng: np.random.Generator) -> Float[Array, "genes genes"]:
        spread = x.std(axis=0)
        z = np.divide(x - x.mean(axis=0), spread, where=spread > 0, out=np.zeros_like(x))
        bags = (rng.integers(len(z), size=len(z)) for _ in range(self.config.bags))
        return np.mean([ridge_network(z[bag], self.config.ridge, self.sources, self.allowed) for bag in bags], axis=0)

    def response(
        self, x: Float[Tensor, "cells genes"], levels: Mapping[str, float], group: str = "", steps: int = 3
    ) -> Float[Tensor, "cells genes"]:
        """How the levels of each cell shift (state) where genes are held at these levels (state).

        Nothing falls below 0, or below where it is already. Raises KeyError for a name that is no gene, or no group.
        """
        if unknown := [each for each in levels if each not in self.spec.genes]:
            raise KeyError(f"{unknown[0]!r} is no gene of this network")
        k = self.place(group)
        scale = self.scale[k].to(x)
        weight = self.influence[k].to(x) * scale[:, None] * torch.where(scale > 0, 1 / scale, 0.0)
        held = [self.spec.genes.index(each) for each in levels]
        change = torch.zeros_like(x)
        change[:, held] = start = torch.tensor([*levels.values()]).to(x) - x[:, held]
        for _ in range(steps):
            change = torch.maximum(change @ weight.T, -x.clamp(min=0))
            change[:, held] = start
        return change


def ridge_network(
    z: Float[Array, "cells genes"],
    ridge: float,
    sources: Int[Array, " sources"],
    allowed: Bool[Array, "genes genes"] | None = None,
) -> Float[Array, "genes genes"]:
    """Ridge regressions of every gene on the sources but itself, targets in rows; with `allowed`, on those of its row.

    With P = (Z'Z + ridge I)^-1 of the sources, that of a source i on the others is -P_ij / P_ii, so that one inverse
    serves all targets that may have any source.
    """
    z = z - z.mean(axis=0)
    gram, found = z[:, sources].T @ z, np.zeros((z.shape[1], z.shape[1]))
    if allowed is None:
        inverse = np.linalg.inv(gram[:, sources] + ridge * np.eye(len(sources)))
        found[:, sources] = (inverse @ gram).T
        found[np.ix_(sources, sources)] = -inverse / np.diag(inverse)[:, None]
        np.fill_diagonal(found, 0.0)
        return found
    for target in range(len(found)):
        own = np.flatnonzero(allowed[target, sources] & (sources != target))
        square = gram[np.ix_(own, sources[own])] + ridge * np.eye(len(own))
        found[target, sources[own]] = np.linalg.solve(square, gram[own, target])
    return found
