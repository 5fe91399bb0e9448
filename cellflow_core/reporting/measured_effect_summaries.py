"""Measured effects of perturbations in words and tables. Pure: results in, words out."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results.measured_effects import BASELINES, LEVEL, MeasuredEffects
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.distance_units import SPACE
from cellflow_core.plural import counted
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary

LISTED = 5
REPEATS = 0.5
"""Agreement of two halves of the cells from which on a change repeats itself."""
LIMITS = (
    "A cell with a guide need not have lost the gene: where guides cut poorly, the effect looks smaller than it is.",
    "Only cells that survived were measured: of a target that is needed to live few remain, often those that kept it.",
    "A guide can cut elsewhere (off-target): compare the guides of one target, or a second screen.",
    "Where target and control cells come from other batches, wells or days, that difference is part of the effect.",
)
"""What no comparison within one screen can tell."""


def of_effects(result: MeasuredEffects) -> Summary:
    """How many targets differ from the controls, which most, and how far that can be trusted."""
    found, count = [int(k) for k in result.order if result.found[k]], len(result.names)
    floor = f"{np.median(result.floor_high):.2g}"
    if found:
        shown = joined([result.names[k] for k in found[:LISTED]])
        more = f", and {len(found) - LISTED:,} more" if len(found) > LISTED else ""
        answer = (
            f"{len(found):,} of {count:,} {'targets differ' if count > 1 else 'target differs'} from the control "
            f"cells: {shown}{more}."
            if len(found) > 1 or count == 1
            else f"Of {count:,} targets only {shown} differs from the control cells."
        )
    else:
        answer = f"None of {count:,} {'targets' if count > 1 else 'target'} differs from the control cells."
    why = (
        f"Each was compared with {result.control_cells:,} control cells by the energy distance of the states, its own "
        f"gene left out, and a permutation test (false discovery rate {LEVEL:.0%}); two halves of the controls, with "
        f"as many cells, typically lie up to {floor} from each other. {_borderline(result, found)}{_replicates(result)}"
    )
    return Summary(answer, "good" if found and _batches(result) else "fair", why)


def of_effect(result: MeasuredEffects, effect: int) -> Summary:
    """What changes in the cells of one target."""
    name, cells = result.names[effect], counted(int(result.cells[effect]), "cell")
    tested = int(np.isfinite(result.gene_q[effect]).sum())
    changed = int(result.genes_changed[effect])
    parts = [
        f"{words} {', '.join(gene_words(result, effect, k) for k in rows)}"
        for words, sign in (("up", 1), ("down", -1))
        if (rows := result.strongest(effect, sign, LISTED))
    ]
    genes = f"{changed:,} of {tested:,} genes {'change' if changed != 1 else 'changes'}"
    answer = f"{name} ({cells}): {genes}{'; ' + '; '.join(parts) if parts else ''}."
    beyond = "more than" if result.found[effect] else "not surely more than"
    distance = (
        f"Its cells lie {result.distance[effect]:.2g} {SPACE} from the controls ({result.distance_low[effect]:.2g} to "
        f"{result.distance_high[effect]:.2g}), {beyond} two halves of the controls from each other "
        f"({result.floor_low[effect]:.2g} to {result.floor_high[effect]:.2g}); adjusted p = {result.q[effect]:.2g}."
    )
    repeat = f" The changes in two halves of the cells agree to {result.repeat[effect]:.2f} (1: they repeat; 0: noise)."
    own = f" {_own(result, effect)}"
    trust = "poor" if not result.found[effect] and not changed else "fair"
    if result.found[effect] and result.repeat[effect] >= REPEATS and _batches(result):
        trust = "good"
    return Summary(answer, trust, f"{distance}{repeat}{own}".strip())


def gene_words(result: MeasuredEffects, effect: int, gene: int) -> str:
    """ "Stat1 -0.10 (-0.13 to -0.07)"."""
    change, low, high = (each[effect, gene] for each in (result.change, result.low, result.high))
    return f"{result.genes[gene]} {change:+.2f} ({low:+.2f} to {high:+.2f})"


def effect_rows(result: MeasuredEffects) -> Rows:
    """One row a target, the largest distance first."""
    order = result.order
    return {
        "target": [result.names[k] for k in order],
        "cells": [int(each) for each in result.cells[order]],
        "differs from controls": ["yes" if each else "no" for each in result.found[order]],
        "energy distance (state)": _short(result.distance[order]),
        "from": _short(result.distance_low[order]),
        "to": _short(result.distance_high[order]),
        "halves of controls, up to": _short(result.floor_high[order]),
        "p": _short(result.p[order]),
        "adjusted p": _short(result.q[order]),
        "genes changed": [int(each) for each in result.genes_changed[order]],
        "change of genes (SD)": _short(result.total_change[order]),
        "agreement of halves": _short(result.repeat[order]),
        "own gene": [_own_change(result, int(k)) for k in order],
    }


def baseline_rows(result: MeasuredEffects) -> Rows:
    """One row a target: error of what a prediction has to beat, for the changes in one half of the cells."""
    order = result.order
    errors = zip(BASELINES, result.baseline_error[order].T, strict=True)
    return {"target": [result.names[k] for k in order]} | {name: _short(values) for name, values in errors}


def gene_rows(result: MeasuredEffects, effect: int) -> Rows:
    """One row a gene, the smallest adjusted p first; the gene that was perturbed itself has none."""
    q = result.gene_q[effect]
    order = np.lexsort((-np.abs(result.change[effect]), np.nan_to_num(q, nan=-1.0)))
    return {
        "target": [result.names[effect]] * len(order),
        "gene": [result.genes[k] for k in order],
        "perturbed": ["yes" if each else "" for each in result.own[effect, order]],
        "change": _short(result.change[effect, order]),
        "from": _short(result.low[effect, order]),
        "to": _short(result.high[effect, order]),
        "adjusted p": _short(q[order]),
    }


def share_rows(result: MeasuredEffects, effect: int) -> Rows:
    """One row a group of the annotation, shares in percent and changes in percentage points."""
    return {
        result.annotation: list(result.groups),
        "among controls (%)": _percent(result.control_share),
        "change (points)": _percent(result.share_change[effect]),
        "from": _percent(result.share_low[effect]),
        "to": _percent(result.share_high[effect]),
    }


def notes_of(result: MeasuredEffects) -> tuple[str, ...]:
    """What must stand below every picture and table of it."""
    unit = f" {result.unit}" if result.unit else ""
    meaning = (
        f"Changes are differences of the mean{unit} from the control cells, with 95 % intervals of Welch's test over "
        "cells; p is adjusted for the number of genes (Benjamini-Hochberg). The perturbed gene itself is in no score."
    )
    return (meaning, *(f"{each[:1].upper()}{each[1:]}." for each in result.notes), *LIMITS)


def _borderline(result: MeasuredEffects, found: list[int]) -> str:
    """Targets that the test finds though the interval of their distance holds zero; empty where there are none."""
    near = [k for k in found if result.distance_low[k] <= 0]
    if not near:
        return ""
    which = f"{joined([result.names[k] for k in near[:LISTED]])}{' and others' if len(near) > LISTED else ''}"
    return (
        f"{which} {'are' if len(near) > 1 else 'is'} borderline: the test finds a difference (adjusted p up to "
        f"{max(result.q[k] for k in near):.2g}), but over resampled cells the distance may as well be 0. The test asks "
        "whether labels of cells matter, the interval how large the difference is; a second screen decides. "
    )


def _replicates(result: MeasuredEffects) -> str:
    if _batches(result):
        return (
            f"Cells were compared within each {joined(result.strata)}; still, cells of one well are no independent "
            "experiments."
        )
    return (
        "All cells count as one batch: the intervals tell how the cells of this experiment vary, and not how another "
        "experiment would."
    )


def _batches(result: MeasuredEffects) -> bool:
    return any(each != "time" for each in result.strata)


def _own(result: MeasuredEffects, effect: int) -> str:
    rows = np.flatnonzero(result.own[effect])
    if not len(rows):
        return f"The gene of the target ({' and '.join(result.targets[effect])}) is not among the genes measured here."
    words = joined([gene_words(result, effect, int(k)) for k in rows])
    return f"The perturbed gene itself: {words}. A cut gene may still be transcribed, so this can be small."


def _own_change(result: MeasuredEffects, effect: int) -> str:
    return ", ".join(f"{result.genes[k]} {result.change[effect, k]:+.3g}" for k in np.flatnonzero(result.own[effect]))


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{each:.4g}") for each in values]


def _percent(values: np.ndarray) -> list[float]:
    return [round(100 * float(each), 2) for each in values]
