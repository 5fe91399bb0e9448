"""Simulated data sets: run a simulator and store its cells with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cellflow_core.config import Config
from cellflow_core.data.simulators.contract import HasLayers, Simulator, capabilities
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.store import save_dataset
from cellflow_core.data.store.dataset import pca_map
from cellflow_core.plural import counted

Array = np.ndarray
MOST_CELLS = 1_000_000
_SIZES = ("cells_per_time", "subjects")
_FEW = 60  # cells a time in a preview

KNOWN: Mapping[str, str] = {
    "drift": "how every state moves on average",
    "marginal": "where the cells are at any time",
    "score": "how dense the cells lie",
    "growth": "how fast cells multiply",
    "interaction": "what cells do to each other",
    "landscape": "the landscape",
    "network": "who acts on whom",
    "fates": "where cells end, also with a gene held",
    "course": "the path without noise",
    "states": "the states of rest",
    "period": "the time of a turn",
    "layers": "spliced and unspliced RNA (where labelled, new RNA too), velocity and own time of each cell",
    "response": "what any dose does",
    "trajectories": "the course of each individual",
    "counterfactual courses": "what other doses would have done to each individual",
}
"""What simulators know, in words; names as in the contract's CAPABILITIES. Further ones are not for a list."""


def known_words(kind: type[Simulator]) -> str:
    """What a simulator knows, in words between commas."""
    return ", ".join(KNOWN[each] for each in capabilities(kind) if each in KNOWN)


def simulate(
    name: str, settings: Mapping[str, Any], label: str = "", on_progress: Callable[[str], None] = lambda stage: None
) -> str:
    """Id of a new data set of the cells that a simulator makes with these settings; those not given are its defaults.

    Raises KeyError that lists the simulators, ValueError for a setting that is unknown or out of its bounds.
    """
    process = create(name, settings)
    used = process.settings.as_dict()
    changed = changes(process.settings)
    wanted = used.get("n_times", 1) * max(used.get(each, 1) for each in _SIZES)
    if wanted > MOST_CELLS:
        raise ValueError(f"these settings make {wanted:,} cells, at most {MOST_CELLS:,} are made: take fewer a time")
    on_progress("simulating the cells")
    cells = process.simulate()
    on_progress("storing the cells")
    return save_dataset(
        cells,
        label=label.strip() or ", ".join((process.title, *changed)),
        origin="simulated",
        source=f"simulator {name}",
        steps=(
            f"simulated {len(cells.x):,} cells at {counted(len(cells.times), 'time')} "
            f"({process.title}; {process.paper})",
            f"with {', '.join(changed)}, else as usual" if changed else "with the usual settings",
            "the values are as simulated: nothing was normalised",
        ),
        notes=(
            "Simulated, not measured: no gene here is a real one.",
            f"Known exactly: {known_words(type(process))}.",
        ),
        truth=name,
        truth_settings=used,
        layers=process.layers() if isinstance(process, HasLayers) else None,
        expression_genes=process.axes if isinstance(process, HasLayers) else (),
        recipe=({"step": "simulate", "settings": {"simulator": name, **used}},),
    )


def preview(name: str, settings: Mapping[str, Any]) -> tuple[Array, Array, tuple[str, str]]:
    """A few cells of such a data set, for a picture: (places [cells, 2], times [cells], names of the two axes)."""
    full = create(name, settings).settings.as_dict()
    cells = create(name, full | {each: min(full[each], _FEW) for each in _SIZES if each in full}).simulate()
    if cells.dim == 2:
        return cells.x, cells.t, (cells.space.axes[0], cells.space.axes[1])
    center, axes = pca_map(cells)
    return (cells.x - center) @ axes, cells.t, ("PC1", "PC2")


def changes(settings: Config) -> tuple[str, ...]:
    """What differs from the defaults, in words: "bias 0.2 (not 0.045)"."""
    kinds = type(settings).settings()
    values = settings.as_dict()
    return tuple(
        f"{each.name.replace('_', ' ')} {values[each.name]} (not {each.default})"
        for each in kinds
        if values[each.name] != each.default
    )
