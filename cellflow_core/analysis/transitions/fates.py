"""Fates from transitions between measured cells: the probability to be absorbed in each terminal state.

After Lange et al., "CellRank for directed single-cell fate mapping", Nat. Methods 19:159, 2022,
doi:10.1038/s41592-021-01346-6. No cell is simulated, so that no path leaves the measured cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import MISFIT, interval, interval_text, misfit, widened
from cellflow_core.analysis.initial_cells import select_initial_cells
from cellflow_core.analysis.results import Fates
from cellflow_core.analysis.terminal_states import TerminalStates, are_found, states_of_cells, terminal_states
from cellflow_core.analysis.transitions.ends import macrostate_count, macrostate_ends, root_cells, settled_cells
from cellflow_core.analysis.transitions.kernel import other_estimates, transitions
from cellflow_core.data.preprocessing.selection import in_the_middle
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.markov_chains.absorption import absorption_probabilities, mean_first_passage
from cellflow_core.models.contract import HasTransitions

Array = np.ndarray
SHOWN = 5000
"""Cells of the picture, drawn at random where there are more."""


NOTES = (
    "A probability is that of reaching the terminal state before any other, however long it takes: the transitions "
    "know no time, and no division or death.",
    "Cells past a branch point have one likely fate. The shares of those before it depend on which cells count as "
    "terminal, and can be far off: name the terminal groups where they are known.",
)


class Absorption(NamedTuple):
    """state: terminal state of each cell, -1 for none; chance: to reach each first, NaN for a cell that reaches none;
    chain: transitions as scipy.sparse CSR [cells, cells], with notes on them; initial: cells of the macrostate that the
    process begins in, None where there is none."""

    terminal: TerminalStates
    state: Int[Array, " cells"]
    chance: Float[Array, "cells fates"]
    chain: Any
    notes: tuple[str, ...]
    initial: Bool[Array, " cells"] | None = None

    @property
    def reached(self) -> Bool[Array, " cells"]:
        """Cells that reach a terminal state."""
        return np.asarray(np.isfinite(self.chance).all(axis=1))


def transition_fates(
    model: Model,
    data: Snapshots,
    view: Embedding,
    states: str = "",
    ends: Sequence[str] = (),
    start: str = "",
    siblings: Sequence[Model] = (),
    seed: int = 0,
) -> Fates:
    """The probability of every cell to reach each terminal state first, and its mean over the start cells.

    states    "" or "found": groups of the cells of the last time, or, where only one or none is known, of the cells
              that the chain settles in or that the model takes for ends; "macrostates": those of the chain that are
              terminal (GPCCA), whatever the times, "macrostates 4": of four; else an annotation, whose values among
              the same cells are the states
    ends      values of this annotation that are terminal, chosen by hand: all of their cells absorb
    start     which cells the shares are of. "": those of the first time, all where none is known; "found": those that
              the chain comes from, of macrostates the one it begins in; else a value of the annotation `states`
    siblings  trainings that differ by seed or method: the interval covers them, and other estimators of RNA velocity

    Raises ValueError, with a sentence, for a model with neither transitions nor a field, and for an unknown choice.
    """
    found = absorption(model, data, states, ends)
    terminal, chance = found.terminal, found.chance
    chosen, which = _start(found, data, view, states, start)
    if not (reaching := chosen & found.reached).any():
        raise ValueError("no start cell can reach a terminal state along the transitions: choose others")
    others = {str(k): transitions(each, data)[0] for k, each in enumerate(siblings)}
    estimators = other_estimates(model, data)
    mass = [_chances(each, found)[reaching] for each in (others | estimators).values()]
    share, low, high = _interval([chance[reaching], *mass], seed)
    timed = DataRequirement.TIMES in data.has and not ends and not start and macrostate_count(states) is None
    if timed:
        low, high = widened(share, low, high, misfit(share, terminal.measured, len(terminal.fate)))
    shown = _some(np.flatnonzero(found.reached), seed)
    steps, unsolved = _steps(found)
    listed = (*NOTES, *_by_estimator(terminal.names, list(estimators), mass[len(others) :]))
    covered = f", and {len(estimators)} other estimators of RNA velocity" if estimators else ""
    return Fates(
        view=view.name,
        names=terminal.names,
        share=share,
        low=low,
        high=high,
        measured=terminal.measured if timed else np.full(len(terminal.names), np.nan),
        centers=terminal.centers(view),
        starts=view.points[shown],
        probability=chance[shown],
        fate=chance[shown].argmax(axis=1),
        undefined=terminal.undefined,
        elsewhere=float(1 - reaching.sum() / chosen.sum()),
        interval=interval_text(int(reaching.sum()), len(others)) + covered + (MISFIT if timed else ""),
        cells="cells",
        steps=steps if steps is None else steps[shown],
        rows=shown,
        of=which,
        root=_middle(view, chosen),
        notes=(*terminal.notes, *found.notes, *unsolved, *_picture(found, which, chosen, shown), *listed),
    )


def _middle(view: Embedding, chosen: Bool[Array, " cells"]) -> Float[Array, " 2"] | None:
    """Place of the start cell in the middle of them; None where all cells are, which are no root."""
    return None if chosen.all() else view.points[in_the_middle(view.points, chosen)]


def _interval(mass: Sequence[Float[Array, "cells fates"]], seed: int) -> tuple[Array, Array, Array]:
    """(share, low, high): the share of the first model, the interval of all by which a cell reaches a state."""
    share = mass[0].mean(axis=0)
    absorbed = [np.nan_to_num(each) for each in mass if np.isfinite(each).any()]
    _, low, high = interval(np.stack(absorbed), seed)
    return share, np.minimum(low, share), np.maximum(high, share)


def _some(rows: Int[Array, " cells"], seed: int) -> Int[Array, " cells"]:
    if len(rows) <= SHOWN:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, SHOWN, replace=False))


def _by_estimator(
    names: Sequence[str], estimators: Sequence[str], mass: Sequence[Float[Array, "cells fates"]]
) -> tuple[str, ...]:
    """Shares with the velocities of other estimators, in a sentence; nothing where there are none."""
    listed = []
    for title, each in zip(estimators, mass, strict=True):
        if not np.isfinite(each).any():
            listed.append(f"{title}: no start cell reaches a terminal state")
            continue
        share = np.nanmean(each, axis=0)
        best = np.argsort(-share)[:3]
        listed.append(f"{title}: {', '.join(f'{share[k]:.0%} {names[k]}' for k in best)}")
    return (f"With the velocities of other estimators, {'; '.join(listed)}.",) if listed else ()


def absorption(model: Model, data: Snapshots, states: str, ends: Sequence[str]) -> Absorption:
    """What the transitions of a model lead to; arguments as in `transition_fates`."""
    chain, notes = transitions(model, data)
    count = macrostate_count(states) if states not in data.labels else None
    if count is not None:
        if ends:
            raise ValueError(f"{', '.join(ends)} are values of no annotation: macrostates are found, not named")
        state, initial, found_notes = macrostate_ends(chain, data, count)
        found = states_of_cells(data, state, found_notes)
        chance = absorption_probabilities(chain, state, len(found.names))
        return Absorption(found, state, chance, chain, notes, initial if initial.any() else None)
    own = model.terminal_cells() if isinstance(model, HasTransitions) and are_found(states, data) else None
    if own is not None and not ends and len(data.times) < 2:
        state = own.cpu().numpy()
        found = states_of_cells(data, state, (_ENDS.format(state.max() + 1, int((state >= 0).sum())),))
        chance = absorption_probabilities(chain, state, len(found.names))
        return Absorption(found, state, chance, chain, notes)
    final = None if ends or len(data.times) > 1 else settled_cells(chain)
    found = terminal_states(data, states, final, ends, "that the transitions settle in")
    absorbing = np.full(len(data.x), -1)
    absorbing[found.rows] = found.fate
    return Absorption(found, absorbing, absorption_probabilities(chain, absorbing, len(found.names)), chain, notes)


def _chances(chain: Any, found: Absorption) -> Float[Array, "cells fates"]:
    """Of the same terminal states by other transitions."""
    return absorption_probabilities(chain, found.state, len(found.terminal.names))


def _steps(found: Absorption) -> tuple[Float[Array, " cells"] | None, tuple[str, ...]]:
    """(mean first passage times, None where they were not found; a note then)."""
    steps = mean_first_passage(found.chain, found.state >= 0, found.reached)
    return steps, () if steps is not None else (_NO_STEPS,)


def _picture(found: Absorption, which: str, chosen: Bool[Array, " cells"], shown: Int[Array, " shown"]) -> tuple[str]:
    """Which cells are counted and drawn. chosen: the start cells; which: what they are, in words."""
    ended = int((chosen & (found.state >= 0)).sum())
    already = f", of which {ended:,} are in a terminal state already" if ended else ""
    return (f"Shares are means over {which}{already}; the picture has {len(shown):,} of {len(chosen):,} cells.",)


_NO_STEPS = "How many steps a cell takes to a terminal state was not found: the solver did not converge on these cells."
_ENDS = (
    "{} terminal states were found as ends of the order: cells that no cell near them comes after, with those nearest "
    "to them, {} in all."
)


def _start(
    found: Absorption, data: Snapshots, view: Embedding, states: str, start: str
) -> tuple[Bool[Array, " cells"], str]:
    """(the start cells, which they are in words)."""
    if start == "found":
        if found.initial is not None:
            return found.initial, f"the {found.initial.sum():,} likeliest cells of the initial macrostate"
        roots = root_cells(found.chain)
        return roots, f"the {roots.sum():,} cells that the transitions come from"
    if start and (are_found(states, data) or (states not in data.labels and macrostate_count(states) is not None)):
        raise ValueError(f"{start} is a group of no annotation: name the annotation of it for the terminal states")
    label = (states, start) if start else None
    initial = select_initial_cells(data, view, len(data.x), label=label)
    first = np.zeros(len(data.x), bool)
    first[initial.cells] = True
    return first, f"the {initial.text}"
