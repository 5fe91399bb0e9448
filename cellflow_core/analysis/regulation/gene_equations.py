"""The equations of a trained model, where it has some that can be written down."""

from __future__ import annotations

import numpy as np
import torch

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.results import GeneEquations
from cellflow_core.models.contract import DynamicsModel, HasEquations, capabilities

NOTE = (
    "An equation is what the model needs to follow the motion that it was given. Another one may fit as well: hold its "
    "terms against what is known, or against other trainings, before they are believed."
)


def gene_equations(model: Model) -> GeneEquations:
    """Raises ValueError where a model has none."""
    if not isinstance(model, DynamicsModel) or "equations" not in capabilities(model):
        raise ValueError(f"{getattr(model, 'title', 'this model')} has no equations that can be written down")
    assert isinstance(model, HasEquations)
    with torch.no_grad():
        found = model.equations()
    return GeneEquations(
        genes=model.spec.genes,
        form=found.form,
        meaning=found.meaning,
        products=found.products,
        logarithms=found.logarithms,
        coefficients=_array(found.coefficients),
        before=found.before,
        after=found.after,
        exact=found.exact,
        quantity=found.quantity,
        level=found.level,
        time=found.time,
        explained=None if found.explained is None else _array(found.explained),
        scale=None if found.scale is None else _array(found.scale),
        notes=(NOTE,),
    )


def _array(values: torch.Tensor) -> np.ndarray:
    return values.detach().cpu().numpy().astype(np.float64)
