"""The landscape of transitions between measured cells: their potential, or -log p of their long run."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.initial_cells import Polygon, select_initial_cells
from cellflow_core.analysis.landscape import PARTICLES, SIMULATED, SIZE, on_surface
from cellflow_core.analysis.quasi_potential import CAP, density
from cellflow_core.analysis.results import Landscape
from cellflow_core.analysis.transitions.kernel import transitions
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.markov_chains.absorption import long_run
from cellflow_core.math.markov_chains.random_paths import random_paths
from cellflow_core.models.contract import DynamicsModel, HasTransitions

Array = np.ndarray
LOOKS = 60
"""Places of a walk that are kept."""
PACE, FASTEST = 200, 50
"""A walk takes as many steps between two looks as there are cells for each PACE, FASTEST at most."""
POTENTIAL, LONG_RUN = "potential of the transitions", "quasi-potential -log p"
NOTE = (
    "Particles go from measured cell to measured cell along the transitions, and their time is the number of steps: it "
    "has no unit. Cells are neither born nor lost meanwhile."
)


def chain_landscape(
    model: Model,
    data: Snapshots,
    view: Embedding,
    kind: Literal["auto", "potential", "quasi"] = "auto",
    start_polygon: Polygon = (),
    by: str = "",
    seed: int = 0,
) -> Landscape:
    """The surface, the measured cells, walks along the transitions and the basins that they end in.

    potential  V of a model whose transitions go downhill, at the cells, averaged on the grid
    quasi      -log p of the share of time that the chain spends around a place in the long run
    auto       the potential where the model has one
    start_polygon  corners of a polygon in the view that walks begin in; (): at cells of the first time, at any without
    by         annotation whose values name the basins; "" for no names

    Raises ValueError, with a sentence, for a model without transitions of its own, and a potential that it has not.
    """
    if not isinstance(model, HasTransitions) or not isinstance(model, DynamicsModel):
        title = getattr(model, "title", "this model")
        raise ValueError(f"{title} has no transitions between measured cells of its own")
    if kind not in ("auto", "potential", "quasi"):
        raise ValueError(f"kind={kind!r} is not one of auto, potential, quasi")
    chain, notes = transitions(model, data)
    own = _potential(model, data)
    if kind == "potential" and own is None:
        raise ValueError(f"the transitions of {model.title} follow no potential: ask for -log p of their long run")
    grid = view.grid(SIZE)
    of_potential = own is not None and kind != "quasi"
    height, meaning = _of_potential(grid, view, own) if of_potential else _of_long_run(grid, view, chain)
    start = select_initial_cells(data, view, SIMULATED, polygon=start_polygon, seed=seed)
    pace = int(np.clip(len(data.x) // PACE, 1, FASTEST))
    places = random_paths(chain, start.cells, LOOKS, pace, np.random.default_rng(seed))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(start.cells))[:PARTICLES])
    surface = on_surface(grid, height, data, view, view.points[places[-1]], by)
    return Landscape(
        kind=POTENTIAL if of_potential else LONG_RUN,
        unit="V" if of_potential else "-log p",
        paths=view.points[places[:, drawn]],
        path_height=surface["cell_height"][places[:, drawn]],
        path_times=pace * np.arange(LOOKS + 1.0),
        non_gradient=np.nan,
        **surface,
        notes=(meaning, NOTE, f"The particles are {start.text}.", *notes, *view.note),
    )


def _potential(model: HasTransitions, data: Snapshots) -> Float[Array, " cells"] | None:
    """The potential of every cell of the data; a model has the cells of earlier times first."""
    found = model.cell_potential()
    if found is None:
        return None
    values = np.empty(len(data.x))
    values[np.argsort(data.t, kind="stable") if len(data.t) else slice(None)] = found.cpu().numpy()
    return values


def _of_potential(grid: Grid, view: Embedding, values: Float[Array, " cells"] | None) -> tuple[Array, str]:
    assert values is not None
    height = np.where(grid.near, grid.average(view.points, values), np.nan)
    return height - np.nanmin(height), (
        "Height is the potential V that the transitions go down, averaged over the cells that share a place in this "
        "picture: high where cells enter, low where they leave. It is as sure as what was said of both."
    )


def _of_long_run(grid: Grid, view: Embedding, chain: Any) -> tuple[Array, str]:
    law = density(grid, view.points, long_run(chain))
    with np.errstate(divide="ignore"):
        height = -np.log(law / law[grid.inside].max())
    height = np.where(grid.near, np.minimum(height, CAP), np.nan)
    return height - np.nanmin(height), (
        "Height is -log of the share of time that the chain spends around a place in the long run: it shows where the "
        "transitions lead, and is no energy."
    )
