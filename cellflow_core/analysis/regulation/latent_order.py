"""The order that a model gives to the measured cells."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, blocks
from cellflow_core.analysis.results import CellOrder
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime

Array = np.ndarray


def latent_order(model: Model, data: Snapshots) -> CellOrder:
    """Raises ValueError, with a sentence, for a model without a latent time."""
    if not isinstance(model, HasLatentTime) or not isinstance(model, DynamicsModel):
        raise ValueError(f"{getattr(model, 'title', 'this model')} gives cells no order")
    return CellOrder(f"latent time of {model.title}", latent_time(model, data))


def latent_time(model: HasLatentTime, data: Snapshots) -> Float[Array, " cells"]:
    """Of every cell, by a model that has it."""
    assert isinstance(model, DynamicsModel)
    model.eval()
    with torch.no_grad():
        parts = [model.latent_time(block, Context()) for block in blocks(data.x, model.device)]
    return torch.cat(parts).cpu().numpy().astype(float)
