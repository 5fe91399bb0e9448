"""The result of comparing perturbed cells with control cells that were measured beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
LEVEL = 0.05
"""False discovery rate at which a change counts as found."""
BASELINES = ("no change", "mean response", "half against half")
"""What a prediction is compared with: nothing changes; the mean change of all other targets; half of the cells."""


@dataclass(frozen=True)
class MeasuredEffects(Result):
    """Each target against the control cells, within each stratum (time, batch), then combined over strata.

    names, targets  [effects]: "A", "A + B", and the targets of each; cells: those compared; control_cells: all controls
    without_call  cells whose perturbation is not known, in no group; too_few: names of targets with too few cells
    strata        what cells were compared within ("time", "batch"), () for one stratum; strata_count: how many
    distance      [effects]: energy distance between target and control cells in the state, without the target's own
                  gene; distance_low, distance_high: 95 % interval over cells; floor_low, floor, floor_high [effects]:
                  2.5 %, 50 % and 97.5 % quantile of the same distance between two halves of the control cells, each of
                  as many cells as the target; compared_cells [effects]: cells on each side of both
    p, q          [effects]: permutation test of that distance; q: adjusted for the number of targets
    genes         [genes] in the order of the file; own [effects, genes]: the genes that were perturbed themselves
    change, low, high  [effects, genes]: difference of the mean expression (`unit`) and its 95 % interval
    gene_q        [effects, genes]: adjusted for the number of genes of each target, NaN where it is its own gene
    total_change  [effects]: root mean square change of the genes, in standard deviations of each; own genes left out
    baseline_error [effects, 3]: root mean square error, in the same unit, of each of BASELINES for half of the cells
    repeat        [effects]: cosine of the changes in two halves of target and control cells: 1 repeats, 0 is noise
    annotation, groups  whose shares are compared, "" and () for none; control_share [groups]; share_change, share_low,
                  share_high [effects, groups]: change of the share (0 to 1) and its 95 % interval
    """

    names: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    cells: Int[Array, " effects"]
    control_cells: int
    without_call: int
    too_few: tuple[str, ...]
    strata: tuple[str, ...]
    strata_count: int
    distance: Float[Array, " effects"]
    distance_low: Float[Array, " effects"]
    distance_high: Float[Array, " effects"]
    floor_low: Float[Array, " effects"]
    floor: Float[Array, " effects"]
    floor_high: Float[Array, " effects"]
    compared_cells: Int[Array, " effects"]
    p: Float[Array, " effects"]
    q: Float[Array, " effects"]
    unit: str
    genes: tuple[str, ...]
    own: Bool[Array, "effects genes"]
    change: Float[Array, "effects genes"]
    low: Float[Array, "effects genes"]
    high: Float[Array, "effects genes"]
    gene_q: Float[Array, "effects genes"]
    total_change: Float[Array, " effects"]
    baseline_error: Float[Array, "effects 3"]
    repeat: Float[Array, " effects"]
    annotation: str
    groups: tuple[str, ...]
    control_share: Float[Array, " groups"]
    share_change: Float[Array, "effects groups"]
    share_low: Float[Array, "effects groups"]
    share_high: Float[Array, "effects groups"]
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> Bool[Array, " effects"]:
        """Targets whose cells differ from the controls at a false discovery rate of LEVEL."""
        return self.q < LEVEL

    @property
    def gene_found(self) -> Bool[Array, "effects genes"]:
        """Genes whose mean differs at a false discovery rate of LEVEL in each target; own genes are none."""
        return self.gene_q < LEVEL  # NaN, an own gene, is not below

    @property
    def genes_changed(self) -> Int[Array, " effects"]:
        """Number of genes that differ."""
        return self.gene_found.sum(axis=1)

    @property
    def order(self) -> Int[Array, " effects"]:
        """Rows with the largest distance first."""
        return np.argsort(-self.distance, kind="stable")

    def strongest(self, effect: int, sign: int, count: int) -> list[int]:
        """Genes found to rise (+1) or fall (-1) in one effect, the largest change first; own genes left out."""
        change = sign * self.change[effect]
        rows = np.flatnonzero(self.gene_found[effect] & (change > 0))
        return [int(each) for each in rows[np.argsort(-change[rows], kind="stable")][:count]]
