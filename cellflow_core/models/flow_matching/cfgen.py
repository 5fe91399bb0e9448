"""CFGen: cells drawn from noise for any time and label, and counts with them.

Palma et al., "Multi-modal and multi-attribute generation of single cells with CFGen", ICLR 2025, arXiv:2407.11734.
Flow matching (models/conditional_flow.py) from noise to the latent state of an autoencoder with a negative binomial law
of counts, given the time and, if wished, one annotation. In training the annotation is left out with probability
`left_out`, so that one network holds v(s, z | t) and v(s, z | t, label); cells of a label are drawn along

    v(s, z | t) + guidance (v(s, z | t, label) - v(s, z | t))

(section 4.2; one label, so their composition of several has one term). The autoencoder is the state space of the data:
`data.space.counts` draws the counts of generated states. In the paper the sizes of cells are drawn as well; here they
are given to `counts`.

No cell is followed: the population is drawn anew at every time, between measured times by a network that is smooth in
time. Before the first and after the last measured time it is that of the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasSampler, Loss, Phase, Update
from cellflow_core.models.networks.conditional_flow import ConditionalFlow


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(128, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    condition: str = setting("", "annotation that cells can be drawn for (cell type ...); empty for none")
    guidance: float = setting(1.0, "how strongly a label steers: 1 as measured, more for clearer cases", 0.0, 20.0)
    label_dropout: float = setting(0.2, "share of the training cells whose label is hidden", 0.01, 0.99)


class CFGen(DynamicsModel, HasSampler):
    title = "CFGen"
    summary = (
        "Draws new cells, with counts of their genes, for any time and cell type: it tells which cells there are, not "
        "which cell becomes which."
    )
    paper = "Palma et al., ICLR 2025, arXiv:2407.11734"
    needs = frozenset({DataRequirement.TIMES, DataRequirement.COUNTS})
    tracks_cells = False

    Config = Settings
    config: Settings

    center: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        known = dict(spec.labels)
        if config.condition and config.condition not in known:
            raise ValueError(
                f"condition={config.condition!r} is no annotation of these data that a model can be given: there are "
                f"{', '.join(known) or 'none'}"
            )
        self.categories = known.get(config.condition, ())
        self.flow = ConditionalFlow(spec.dim, 1 + len(self.categories), config.width, config.depth)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.flow.parameters()),)),)

    def loss(self, batch: Batch) -> Loss:
        size = batch.x.shape[1]
        label = None
        if self.categories:
            label = batch.cell_data(f"label {self.config.condition}").flatten()
            hidden = torch.rand(len(label), generator=batch.rng, device=label.device) < self.config.label_dropout
            label = label.masked_fill(hidden, -1)
        known = self._known(batch.times.repeat_interleave(size), label)
        target = (batch.x.flatten(0, 1) - self.center) / self.spec.scale
        total = self.flow.loss(target, known, batch.rng)
        return Loss(total, {"velocity": total.detach()})

    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """As many other cells as x0 at each later time. `context` may hold "label" [cells]: the number of a category of
        the condition in `spec.labels`, -1 for any. Raises ValueError for a label where there is no condition."""
        label = context.get("label")
        if label is not None and not self.categories:
            raise ValueError(
                f"{self.title} was trained without a condition: it draws cells of every kind, none by label"
            )
        found = [x0]
        for time in times[1:]:
            t = x0.new_full((len(x0),), min(max(time, self.spec.times[0]), self.spec.times[-1]))
            free = self._known(t, None)
            drawn = (
                self.flow.sample(free, rng)
                if label is None
                else self.flow.sample(self._known(t, label), rng, free, self.config.guidance)
            )
            found.append(self.center + self.spec.scale * drawn)
        return torch.stack(found)

    def _known(self, t: Tensor, label: Tensor | None) -> Tensor:
        """The condition of the flow: the time and, as ones and zeros, the label; -1 or None is all zeros."""
        time = ((t - self.spec.times[0]) / self.spec.interval)[:, None]
        if label is None:
            return torch.cat([time, time.new_zeros(len(t), len(self.categories))], dim=1)
        return torch.cat([time, one_hot(label.long() + 1, len(self.categories) + 1)[:, 1:].to(time)], dim=1)
