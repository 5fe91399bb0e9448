"""Results on ancestors, descendants and clones, and on lineages that cells are ordered along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


@dataclass(frozen=True)
class Ancestry(Result):
    """Where the mass of some measured cells comes from, and where it goes.

    chosen   which cells, in words; time: when they were measured
    points   [cells, 2] in the view, cell_time [cells], weight [cells]: share of the mass of the chosen cells that each
             cell holds: its own at `time`, that of their descendants after, that which stems from it before; sums to
             one at each of `times` [times]
    mass     [times]: mass of the descendants where the chosen cells have the mass one; NaN before `time`
    names    values of an annotation, share [times, names]: their part of `weight`; no names without an annotation
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    chosen: str
    time: float
    points: Float[Array, "cells 2"]
    cell_time: Float[Array, " cells"]
    weight: Float[Array, " cells"]
    times: Float[Array, " times"]
    mass: Float[Array, " times"]
    names: tuple[str, ...]
    share: Float[Array, "times names"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClonalBias(Result):
    """The fate that a model predicts for early cells, against what became of their clones: a times a, b times b.

    names      the two fates
    predicted  [cells]: a / (a + b) of the mass that a model expects of each early cell; 0.5 where it expects neither
    ungrown    [cells]: the same where each descendant counts once; equal to `predicted` for a model without growth
    observed   [cells]: a / (a + b) among the later cells of its clone, later [cells]: how many these are
    clone, time [cells]; points [cells, 2] in the view
    auroc      [3] (low, value, high): chance that an early cell of a clone that mostly became a is predicted more so
               than one of a clone that mostly became b; ungrown_auroc [3] the same of `ungrown`. NaN where all became
               one of them
    interval says what the interval covers.
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    names: tuple[str, str]
    predicted: Float[Array, " cells"]
    without_growth: Float[Array, " cells"]
    observed: Float[Array, " cells"]
    later: Float[Array, " cells"]
    clone: Float[Array, " cells"]
    time: Float[Array, " cells"]
    points: Float[Array, "cells 2"]
    auroc: Float[Array, " 3"]
    ungrown_auroc: Float[Array, " 3"]
    interval: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellLineages(Result):
    """The order that a model gives to the measured cells, and the lineages through them where it finds any.

    title    of the model
    order    [cells]: higher for later cells; other_order: that from the other end, where no root can be found from the
             data, else None
    names    [lineages]: of their ends; none for a model that assigns no branches
    weight   [cells, lineages]: of each cell on each, 0 to 1; own [cells]: the lineage that a cell is on, -1 for several
    curves   [points, 2] of all lineages in the view, each from its beginning on; lineage [points]: which of them
    lengths  [lineages] of the curves (state); explained: share of the variance of the states along them, off_tree:
             share of the cells that are farther from them than a tenth of the longest; both NaN without
    root, other_root  [2]: where the order begins, in the view; branchings [branchings, 2]: where lineages part
    doubts   why the order, or that there is one, is not sure: sentences of the model
    """

    view: str
    axes: tuple[str, str]
    title: str
    order: Float[Array, " cells"]
    other_order: Float[Array, " cells"] | None
    names: tuple[str, ...]
    weight: Float[Array, "cells lineages"]
    own: Int[Array, " cells"]
    curves: Float[Array, "points 2"]
    lineage: Int[Array, " points"]
    lengths: Float[Array, " lineages"]
    explained: float
    off_tree: float
    root: Float[Array, " 2"]
    other_root: Float[Array, " 2"] | None
    branchings: Float[Array, "branchings 2"]
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Composition(Result):
    """How the cells divide among the groups of an annotation, over time.

    names     [groups], "not known" for cells without a value among them where there are any
    times     [steps]; predicted [steps, groups]: share of the mass of simulated cells, each in the group of most of
              the measured cells near it
    measured_times [frames]; measured, previous [frames, groups]: share of the measured cells of a time, and of the time
              before it (nothing changes), NaN for the first; noise [frames]: by how much two samples of as many cells
              as were simulated and measured differ on average (as `misses`)
    link_times [links + 1]; flow [links, groups, groups]: share of the mass at a time that is in group i and in group j
              at the next, of measured cells that the model leads on; each [groups, groups] sums to one
    """

    by: str
    time_unit: str
    names: tuple[str, ...]
    times: Float[Array, " steps"]
    predicted: Float[Array, "steps groups"]
    measured_times: Float[Array, " frames"]
    measured: Float[Array, "frames groups"]
    previous: Float[Array, "frames groups"]
    noise: Float[Array, " frames"]
    link_times: Float[Array, " ends"]
    flow: Float[Array, "links groups groups"]
    notes: tuple[str, ...] = ()

    @property
    def at_measured(self) -> Float[Array, "frames groups"]:
        """The predicted shares at the measured times."""
        return self.predicted[np.abs(self.times[:, None] - self.measured_times).argmin(axis=0)]

    @property
    def misses(self) -> tuple[Float[Array, " frames"], Float[Array, " frames"]]:
        """Half of the summed differences to the measured shares, 0 to 1: of the prediction, and of the time before."""
        miss = (np.abs(each - self.measured).sum(axis=1) / 2 for each in (self.at_measured, self.previous))
        predicted, unchanged = miss
        return predicted, unchanged


@dataclass(frozen=True)
class GroupGraphs(Result):
    """Which group of cells turns into which, by several models and by what needs none, against a known tree.

    rows    [graphs]: the `models` first are those of models; graph [graphs, groups, groups]: weight from group to group
    truth   [groups, groups]: edges of the known tree
    auprc   [graphs]: area under precision against recall over ordered pairs of different groups; f1 [graphs]: of as
            many strongest edges as the tree has; chance: what a random order gives of both
    """

    by: str
    names: tuple[str, ...]
    rows: tuple[str, ...]
    models: int
    graph: Float[Array, "graphs groups groups"]
    truth: Bool[Array, "groups groups"]
    auprc: Float[Array, " graphs"]
    f1: Float[Array, " graphs"]
    chance: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderAgreement(Result):
    """Orders of the same cells by several methods, and by what needs none.

    names    [orders]: the `methods` first are those of methods
    rho      Spearman correlation of each two, [orders, orders]
    spread   [cells]: the farthest that two methods place the cell from each other, as a share of the cells
    spearman, kendall  [orders]: with `against`, what is known of `cells` cells; NaN where nothing is
    branch_f1  [orders]: of the branches of each method and the ends that are known, NaN where there is neither;
               cluster_f1: of clusters by k-means, which need no method
    """

    names: tuple[str, ...]
    methods: int
    rho: Float[Array, "orders orders"]
    spread: Float[Array, " cells"]
    against: str
    spearman: Float[Array, " orders"]
    kendall: Float[Array, " orders"]
    branch_f1: Float[Array, " orders"]
    cluster_f1: float
    cells: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellBranches(Result):
    """Branches that a model, by its title, puts the cells on: weight [cells, branches], 0 to 1; none for a model that
    knows of no branches."""

    title: str
    weight: Float[Array, "cells branches"]
    notes: tuple[str, ...] = ()
