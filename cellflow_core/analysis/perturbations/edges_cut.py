"""Edges of regulation cut: what a gene does to some targets is taken away, all else stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cellflow_core.analysis.dynamics import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import Context


@dataclass(frozen=True)
class EdgesCut(ModelWrapper):
    """A model in which some genes no longer see some others: dx_i/dt = f_i(x with x_j at a level, for each edge j to i
    that is cut). A gene is never cut off from itself, since its decay is part of f_i.

    cut  target -> the sources it no longer sees, each with the level that it sees instead, by number of the axis
    """

    model: Model
    cut: Mapping[int, Mapping[int, float]]

    def dynamics(self, context: Context) -> Dynamics:
        inner = dynamics(self.model, context)
        _ = inner.field  # a plan or a sampler has no equation to cut an edge of
        if inner.sampler is not None:
            raise ValueError(
                f"{inner.title} simulates cells in a latent state, in which no gene sees another: "
                "choose a model whose equation is one of the genes"
            )
        return replace(
            inner,
            velocity=None if inner.velocity is None else self._without_edges(inner.velocity),
            drift=None if inner.drift is None else self._without_edges(inner.drift),
            potential=None,
        )

    def _without_edges(self, field: Field) -> Field:
        together: dict[tuple[tuple[int, float], ...], list[int]] = defaultdict(list)
        for target, sources in self.cut.items():
            together[tuple(sorted(sources.items()))].append(target)

        def changed(t: Tensor, x: Tensor) -> Tensor:
            found = field(t, x).clone()
            for sources, targets in together.items():
                blind = x.clone()
                blind[:, [j for j, _ in sources]] = torch.tensor([level for _, level in sources]).to(x)
                found[:, targets] = field(t, blind)[:, targets]
            return found

        return changed


def edges_cut(model: Model, data: Snapshots, levels: Mapping[str, float], targets: Sequence[str]) -> EdgesCut:
    """The model in which `targets` see each gene of `levels` at its level, whatever it is.

    Raises ValueError where genes are not the axes, and KeyError where one of them is not there.
    """
    if DataRequirement.GENE_AXES not in data.has:
        raise ValueError(
            "an edge can be cut where genes are the axes of the state: these data have other axes, in which no single "
            "gene acts on another"
        )
    sources = {data.space.index(gene): float(level) for gene, level in levels.items()}
    cut = {k: {j: level for j, level in sources.items() if j != k} for k in map(data.space.index, targets)}
    return EdgesCut(model, {target: seen for target, seen in cut.items() if seen})
