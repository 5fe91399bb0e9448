"""What the cells of the first time become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.horizon import final_cells, followed_times, horizon_note
from cellflow_core.analysis.fields.time_range import until
from cellflow_core.analysis.growth import growth_notes
from cellflow_core.analysis.initial_cells import select_initial_cells
from cellflow_core.analysis.results import Fates
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.analysis.terminal_states import TerminalStates, terminal_states
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
STARTS = 600
REPEATS = 4
"""Times a cell is sent off by a model with noise."""
NEIGHBOURS = 10
DRAWS = 1000
MISFIT = "; widened by the sample of the last time, and by how far the shares are from those measured there"
_NO_GROWTH = "The model knows no growth: if one fate divides faster, that is mistaken for cells choosing it."


def fate_map(
    model: Model,
    data: Snapshots,
    view: Embedding,
    states: str = "",
    siblings: Sequence[Model] = (),
    seed: int = 0,
) -> Fates:
    """Shares of the terminal states that cells of the first time end in, and the probability of each for every cell.

    siblings  trainings that differ by seed or method: the share is the mean over all, the interval covers them too
    """
    moving = dynamics(model)
    moving.check_follows()
    ends = terminal_states(data, states, final_cells(model, data, seed))
    start = select_initial_cells(data, view, STARTS, seed=seed)
    times = [start.time, float(followed_times(moving, data)[-1])]
    repeats = REPEATS if moving.kind != "deterministic" else 1
    single = simulate(model, start.x, times, seed=seed)
    followed = np.stack(
        [terminal_mass(model, start.x, times, ends, repeats, seed, single)]
        + [terminal_mass(each, start.x, times, ends, repeats, seed) for each in siblings]
    )
    mass, heads = followed[:, 0], followed[:, 1]
    share, low, high = interval(mass, seed)
    timed = DataRequirement.TIMES in data.has
    miss = misfit(share, ends.measured, len(ends.fate)) if timed else np.zeros(len(share))
    low, high = widened(share, low, high, miss)
    ungrown, grown = _without_growth(mass, heads, miss, seed) if moving.has_growth else (None, None)
    chance = mass.mean(axis=0) / mass.mean(axis=0).sum(axis=1, keepdims=True)
    how = f"is the part of {repeats} runs with noise" if repeats > 1 else "is where its one path leads"
    if not moving.has_field:
        how = f"is the part of {repeats} draws of its partners"
    return Fates(
        view=view.name,
        names=ends.names,
        share=share,
        low=low,
        high=high,
        measured=ends.measured if timed else np.full(len(ends.names), np.nan),
        centers=ends.centers(view),
        starts=view.points[start.cells],
        probability=_smoothed(start.x, chance),
        fate=ends.of(single.x[-1]),
        rows=start.cells,
        undefined=ends.undefined,
        elsewhere=float(ends.elsewhere(single.x[-1]).mean()),
        interval=interval_text(len(start.x), len(siblings)) + (MISFIT if timed else ""),
        without_growth=ungrown,
        growth_effect=grown,
        notes=(
            *ends.notes,
            *horizon_note(moving, data),
            f"{start.text} were followed {until(data, times[-1])} and counted to the state of "
            "the nearest measured cells.",
            f"The probability of a cell {how}, averaged over its {min(NEIGHBOURS, len(start.x))} nearest start cells.",
            *(growth_notes(data) if moving.has_growth else (_NO_GROWTH,)),
            *view.note,
        ),
    )


def terminal_mass(
    model: Model,
    x0: Float[Array, "cells dim"],
    times: Sequence[float],
    ends: TerminalStates,
    repeats: int = 1,
    seed: int = 0,
    first: Simulation | None = None,
) -> Float[Array, "2 cells fates"]:
    """What each start cell brings to each terminal state, mean over repeated runs: its mass, and itself alone, counted
    once however much it multiplied. `first`: the simulation with this seed, where it is there already."""
    found = np.zeros((2, len(x0), len(ends.names)))
    for k in range(repeats):
        made = first if first and not k else simulate(model, x0, times, seed=seed + 7919 * k)
        fate = ends.of(made.x[-1])
        found[0, np.arange(len(x0)), fate] += np.exp(made.log_weight[-1].astype(float)) / repeats
        found[1, np.arange(len(x0)), fate] += 1 / repeats
    return found


def _without_growth(
    mass: Float[Array, "models cells fates"],
    cell_counts: Float[Array, "models cells fates"],
    miss: Float[Array, " fates"],
    seed: int,
) -> tuple[Float[Array, "fates 3"], Float[Array, "fates 3"]]:
    """(shares where each start cell counts once, what growth adds to them), each as (low, value, high); the difference
    is taken between the same bootstrap samples. Nobody measures either, so both are as wrong as the share may be."""
    share, low, high = interval(cell_counts, seed)
    change = interval(mass, seed)[0] - share
    ends = np.quantile(resampled(mass, seed) - resampled(cell_counts, seed), [0.025, 0.975], axis=0)
    alone = widened(share, low, high, miss)
    added = widened(change, np.minimum(ends[0], change), np.maximum(ends[1], change), miss, least=-1.0)
    return np.stack([alone[0], share, alone[1]], axis=1), np.stack([added[0], change, added[1]], axis=1)


def interval(
    mass: Float[Array, "models cells fates"], seed: int = 0
) -> tuple[Float[Array, " fates"], Float[Array, " fates"], Float[Array, " fates"]]:
    """(share, low, high): mean over the models, and the 2.5 % and 97.5 % quantiles of bootstrap samples, each of the
    start cells of one of the models."""
    shares = resampled(mass, seed)
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    total = mass.sum(axis=1)
    share = (total / total.sum(axis=1, keepdims=True)).mean(axis=0)
    return share, np.minimum(low, share), np.maximum(high, share)


def misfit(share: Float[Array, " fates"], measured: Float[Array, " fates"], cells: int) -> Float[Array, " fates"]:
    """Half of a 95 % interval of what no bootstrap of the start cells shows: the model's error, whose standard
    deviation is taken to be the distance of the share from that measured at the last time, and the sample of `cells`
    cells measured there, which the model was fitted to."""
    return 1.96 * np.sqrt(np.square(share - measured) + measured * (1 - measured) / cells)


def widened(
    value: Float[Array, " fates"],
    low: Float[Array, " fates"],
    high: Float[Array, " fates"],
    miss: Float[Array, " fates"],
    least: float = 0.0,
) -> tuple[Float[Array, " fates"], Float[Array, " fates"]]:
    """(low, high) with an independent error, of which `miss` is half an interval; from `least` to 1."""
    return np.maximum(value - np.hypot(value - low, miss), least), np.minimum(value + np.hypot(high - value, miss), 1)


def resampled(mass: Float[Array, "models cells fates"], seed: int = 0) -> Float[Array, "draws fates"]:
    """Shares in bootstrap samples; the same seed draws the same cells and models, which makes comparisons paired."""
    rng = np.random.default_rng(seed)
    models, cells, _ = mass.shape
    counts = rng.multinomial(cells, np.full(cells, 1 / cells), size=DRAWS)
    sums = np.einsum("bc,mcf->bmf", counts.astype(float), mass, optimize=True)[
        np.arange(DRAWS), rng.integers(models, size=DRAWS)
    ]
    return sums / sums.sum(axis=1, keepdims=True)


def interval_text(cells: int, siblings: int) -> str:
    """What an interval covers, in words."""
    text = f"95 % of bootstrap samples of the {cells:,} start cells"
    return (
        f"{text} and of {siblings + 1} trainings that differ by seed or method"
        if siblings
        else f"{text}; one training only"
    )


def _smoothed(x: Array, chance: Array) -> Array:
    return chance[nearest_neighbors(x, NEIGHBOURS)[1]].mean(axis=1)
