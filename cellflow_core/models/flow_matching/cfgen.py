"""CFGen: cells generated from noise for any time and label, with counts of their genes.

Palma et al., "Multi-modal and multi-attribute generation of single cells with CFGen", ICLR 2025, arXiv:2407.11734.
Flow matching (networks/conditional_flow.py) from noise to the latent state of an autoencoder with a negative binomial
likelihood of counts, given the time and optionally one annotation. In training the annotation is dropped with
probability `label_dropout`, so that one network holds v(s, z | t) and v(s, z | t, label); cells of a label are sampled
along

    v(s, z | t) + guidance (v(s, z | t, label) - v(s, z | t))

(classifier-free guidance, section 4.2; one label, so their composition of several has one term). The autoencoder is the
state space of the data, which samples the counts of generated states. In the paper library sizes are sampled as well;
here they are given.

No cell is tracked: the population is sampled anew at every time, between measured times by a network that is smooth in
time. Before the first and after the last measured time it is that of the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasSampler, Loss, Phase, Update
from cellflow_core.models.networks.conditional_flow import ConditionalFlow
from cellflow_core.models.networks.settings import MLPSettings


@dataclass(frozen=True)
class Settings(MLPSettings):
    width: int = with_default(MLPSettings, "width", 128)
    condition: str = setting("", "annotation that cells are generated for (cell type ...); empty for none")
    guidance: float = setting(
        1.0,
        "guidance strength omega: 1 samples the label as measured, more gives more typical cells",
        0.0,
        20.0,
        label="Guidance strength ω",
    )
    label_dropout: float = setting(
        0.2, "fraction of the training cells whose label is dropped", 0.01, 0.99, label="Label dropout"
    )


class CFGen(DynamicsModel, HasSampler):
    title = "CFGen"
    summary = (
        "Generates new cells, with counts of their genes, for any time and cell type: it models the population, not "
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
                f"condition={config.condition!r} is not an annotation of these data: there are "
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
        condition = self._condition(batch.times.repeat_interleave(size), label)
        target = (batch.x.flatten(0, 1) - self.center) / self.spec.scale
        total = self.flow.error(target, condition, batch.rng).square().mean()
        return Loss(total, {"velocity": total.detach()})

    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """As many other cells as x0 at each later time.

        The context may have the covariate "label" [cells]: the number of a category of the condition in `spec.labels`,
        -1 for any. Raises ValueError for a label where there is no condition.
        """
        label = context.covariates.get("label")
        if label is not None and not self.categories:
            raise ValueError(
                f"{self.title} was trained without a condition: it generates cells of every kind, none by label"
            )
        states = [x0]
        for time in times[1:]:
            t = x0.new_full((len(x0),), min(max(time, self.spec.times[0]), self.spec.times[-1]))
            unconditional = self._condition(t, None)
            generated = (
                self.flow.sample(unconditional, rng)
                if label is None
                else self.flow.sample(self._condition(t, label), rng, unconditional, self.config.guidance)
            )
            states.append(self.center + self.spec.scale * generated)
        return torch.stack(states)

    def _condition(self, t: Tensor, label: Tensor | None) -> Tensor:
        """The condition of the flow: the time and the one-hot label; -1 or None is all zeros."""
        time = ((t - self.spec.times[0]) / self.spec.interval)[:, None]
        if label is None:
            return torch.cat([time, time.new_zeros(len(t), len(self.categories))], dim=1)
        return torch.cat([time, one_hot(label.long() + 1, len(self.categories) + 1)[:, 1:].to(time)], dim=1)
