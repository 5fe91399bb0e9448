"""Predicted knock-outs against measured ones: scores, and the trivial answers that stand beside a model.

Of a predicted change p and the measured change d of the genes g other than the one that is knocked out,

    R2              1 - sum w (d - p)^2 / sum w d^2, w the squared Welch statistic of the gene, so that genes that do
                    not change count little; no change has 0
    sign            share of the genes with an adjusted p below 0.05 whose sign is right, a half where none is predicted
    discrimination  place of the true target among all by the cosine of p with their measured changes: 1 for the first,
                    0 for the last, 0.5 by chance; all perturbed genes are left out, so that none gives a target away

No change: the control cells. Mean of the other knock-outs: never the one that is predicted. Half against half: the
change in one half of the target's cells, as a prediction of the other half, which is what a repeat reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import ttest_ind

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.initial_cells import InitialCells
from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.perturbations.knock_out import times_to_follow
from cellflow_core.analysis.perturbations.levels import default_level, lowest_level
from cellflow_core.analysis.perturbations.perturbation_groups import CONTROL, perturbation_groups
from cellflow_core.analysis.results.knock_outs import HALVES, MEAN, SCORES, STILL, KnockOutScores
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.multiple_testing import benjamini_hochberg

Array = np.ndarray
START_CELLS = 200
SEEN = (
    "The model was trained on the cells of every target too, and the trivial rows do not see the one that they "
    "predict: this compares how well an answer is reproduced, not a held-out prediction."
)


class KnockOuts:
    """Cells x [cells, genes], the target of each ("" for control cells), and the measured change of every target."""

    def __init__(self, x: Float[Array, "cells genes"], genes: Sequence[str], target: Array, control: str = "") -> None:
        self.x, self.genes, self.target = x, list(genes), target
        self.control = x[target == control]
        self.targets = [each for each in np.unique(target).tolist() if each != control and each in self.genes]
        self.change = {each: x[target == each].mean(axis=0) - self.control.mean(axis=0) for each in self.targets}

    def others(self, target: str) -> list[str]:
        return [each for each in self.targets if each != target]

    def mean_response(self, target: str) -> Float[Array, " genes"]:
        """Mean change over the other knock-outs."""
        return np.mean([self.change[each] for each in self.others(target)], axis=0)

    def scores(
        self, target: str, found: Float[Array, " genes"], measured: Float[Array, "cells genes"] | None = None
    ) -> dict[str, float]:
        """Scores above, and how many genes have "changed". measured: cells that are predicted; None: all of them."""
        cells = self.x[self.target == target] if measured is None else measured
        keep = np.array(self.genes) != target
        change = cells.mean(axis=0) - self.control.mean(axis=0)
        test: Any = ttest_ind(cells[:, keep], self.control[:, keep], equal_var=False)
        weight = np.nan_to_num(np.square(test.statistic))
        q = benjamini_hochberg(np.nan_to_num(np.asarray(test.pvalue), nan=1.0)[None])[0]
        d, p = change[keep], found[keep]
        right = np.where(np.abs(p) > 1e-12, np.sign(p) == np.sign(d), 0.5)[q < 0.05]
        whole = (weight * d**2).sum()
        return {
            "R2": float(1 - (weight * (d - p) ** 2).sum() / whole) if whole > 0 else float("nan"),
            "sign": float(right.mean()) if len(right) else float("nan"),
            "discrimination": self.discrimination(target, found),
            "changed": int((q < 0.05).sum()),
        }

    def discrimination(self, target: str, found: Float[Array, " genes"]) -> float:
        keep = ~np.isin(self.genes, self.targets)
        if not keep.any() or not np.abs(found[keep]).max() > 1e-12 or len(self.targets) < 2:
            return 0.5
        near = {each: cosine(found[keep], self.change[each][keep]) for each in self.targets}
        better = sum(near[each] > near[target] for each in self.others(target))
        return 1 - better / (len(self.targets) - 1)

    def halves(self, target: str, seed: int) -> dict[str, float]:
        """Scores of one half of the target's cells as a prediction of the other."""
        cells = self.x[self.target == target]
        order = np.random.default_rng(seed).permutation(len(cells))
        one, other = cells[order[::2]], cells[order[1::2]]
        return self.scores(target, one.mean(axis=0) - self.control.mean(axis=0), other)


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def knock_out_scores(model: Model, data: Snapshots, title: str, seed: int = 0) -> KnockOutScores:
    """What a model with a field predicts for the knock-outs that were measured in the cells it was trained on.

    Control cells of the first time are simulated to the last, with and without the gene at its lowest level; what was
    measured is compared at the last time at which the target has cells beside controls.
    Raises ValueError, with a sentence, where fewer than two targets are genes of the state.
    """
    measured = _measured(data)
    if len(measured.targets) < 2:
        raise ValueError(
            f"{len(measured.targets)} of the perturbed genes are among the genes of the state, and at least two are "
            "needed: a model can only be asked for genes that it holds"
        )
    start = _controls(data, seed)
    times = times_to_follow(model, data, start, 1)
    plain = simulate(model, start.x, times, seed=seed)
    found, expression = {}, data.space.decode(plain.x[-1]).mean(axis=0)
    for gene in measured.targets:
        read = data.space.expression(data.x, gene)
        level = default_level(data, read, "knock-out", lowest_level(read))
        held = clamped(model, data, {gene: level})
        end = simulate(held, start.x, times, seed=seed, steps_per_interval=plain.steps_per_interval).x[-1]
        found[gene] = data.space.decode(end).mean(axis=0) - expression
    still = np.zeros(len(measured.genes))
    rows = {title: found, STILL: dict.fromkeys(measured.targets, still)}
    rows |= {MEAN: {each: measured.mean_response(each) for each in measured.targets}}
    scored = [[measured.scores(each, of[each]) for each in measured.targets] for of in rows.values()]
    scored.append([measured.halves(each, seed) for each in measured.targets])
    return KnockOutScores(
        rows=(*rows, HALVES),
        targets=tuple(measured.targets),
        genes=tuple(measured.genes),
        scores=np.array([[[each[name] for name in SCORES] for each in row] for row in scored]),
        measured=np.stack([measured.change[each] for each in measured.targets]),
        predicted=np.stack([found[each] for each in measured.targets]),
        cells=np.array([(measured.target == each).sum() for each in measured.targets], dtype=float),
        changed=np.array([each["changed"] for each in scored[0]], dtype=float),
        notes=(SEEN,),
    )


def _measured(data: Snapshots) -> KnockOuts:
    """The cells of single targets and the controls, at the last time with both."""
    groups = perturbation_groups(data)
    names = np.array(["", *groups.names], dtype=object)[np.maximum(groups.code, CONTROL) + 1]
    called = (groups.code >= CONTROL) & np.isin(names, ["", *(each[0] for each in groups.targets if len(each) == 1)])
    for time in reversed(data.times) if len(data.times) else ():
        here = called & (data.t == time)
        if (groups.code[here] >= 0).any() and (groups.code[here] == CONTROL).any():
            called = here
            break
    return KnockOuts(
        np.asarray(data.space.decode(data.x[called]), np.float64), data.space.genes, names[called].astype(str)
    )


def _controls(data: Snapshots, seed: int) -> InitialCells:
    """Control cells of the first time that has them; cells of all times where none is known."""
    control = perturbation_groups(data).code == CONTROL
    time = float(data.t[control].min()) if len(data.times) else 0.0
    rows = np.flatnonzero(control & (data.t == time)) if len(data.times) else np.flatnonzero(control)
    rows = np.random.default_rng(seed).permutation(rows)[:START_CELLS]
    return InitialCells(rows, data.x[rows], time, "control cells")
