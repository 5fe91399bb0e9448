"""The questions a page can ask about a run: each finds what it needs in the subject and asks one analysis.

Nothing heavy is imported before a question is asked, so that the page can read the signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cellflow_core.analysis.embedding import Embedding
    from cellflow_core.analysis.results import (
        Ancestry,
        BaselineScores,
        CellBranches,
        CellLineages,
        CellOrder,
        ClonalBias,
        Composition,
        FateGenes,
        FateInfluence,
        Fates,
        GeneEquations,
        GeneNetwork,
        GeneTrend,
        GroupTrends,
        GroupVelocities,
        PermutationScores,
        PhasePortrait,
        Scores,
        TimeCourse,
        TrajectoryEnsemble,
        VelocityAgreement,
    )
    from cellflow_core.data.store import Dataset
    from cellflow_core.jobs.run_context import RunContext

Polygon = Sequence[Sequence[float]]


def velocity(subject: RunContext, view: str = "pca") -> VelocityAgreement:
    from cellflow_core.analysis.rna_velocity.agreement import agreement

    return agreement(subject.model, subject.data, view_of(subject, view))


def group_velocities(subject: RunContext, by: str) -> GroupVelocities:
    """by: annotation in whose groups a quick estimator is fitted apart."""
    from cellflow_core.analysis.rna_velocity.by_group import group_velocities

    return group_velocities(subject.data, by)


def phase_portrait(subject: RunContext, gene: str) -> PhasePortrait:
    from cellflow_core.analysis.rna_velocity.phase_portrait import phase_portrait

    return phase_portrait(subject.model, subject.data, gene)


def permutation_scores(subject: RunContext, by: str = "") -> PermutationScores:
    """by: annotation within whose groups RNA is shuffled; "": clusters."""
    from cellflow_core.analysis.rna_velocity.permutation import permutation_scores

    return permutation_scores(subject.model, subject.data, by)


def course(subject: RunContext, view: str = "pca", start: Literal["first", "previous"] = "first") -> TimeCourse:
    from cellflow_core.analysis.time_course import time_course

    _check_times(subject)
    return time_course(subject.model, subject.data, view_of(subject, view), start)


def trend(subject: RunContext, gene: str) -> GeneTrend:
    from cellflow_core.analysis.gene_trend import gene_trend

    _check_times(subject)
    subject.data.space.index(gene)  # says first, and best, that the gene is not in the model
    measured, siblings = subject.dataset.expression(gene), subject.ensemble[1:]
    return gene_trend(subject.model, subject.data, gene, measured, siblings=siblings, copies=subject.copies)


def fates(subject: RunContext, view: str = "pca", states: str = "") -> Fates:
    from cellflow_core.analysis.fates import fate_map

    return fate_map(subject.model, subject.data, view_of(subject, view), states, subject.ensemble[1:])


def transition_fates(
    subject: RunContext, view: str = "pca", states: str = "", ends: Sequence[str] = (), start: str = ""
) -> Fates:
    """ends: values of the annotation `states` that are terminal; start: a value of it, "found" for root cells."""
    from cellflow_core.analysis.transitions import fates as analysis

    return analysis.transition_fates(
        subject.model, subject.data, view_of(subject, view), states, tuple(ends), start, subject.ensemble[1:]
    )


def fate_genes(subject: RunContext, states: str = "", ends: Sequence[str] = ()) -> FateGenes:
    from cellflow_core.analysis.transitions import drivers

    measured = subject.dataset.measured
    if not measured.genes:
        raise ValueError("no expression of genes is stored with these cells, so none can be held against their fates")
    return drivers.fate_genes(subject.model, subject.data, measured.table(), measured.genes, states, tuple(ends))


def fate_influence(subject: RunContext, states: str = "", ends: Sequence[str] = ()) -> FateInfluence:
    from cellflow_core.analysis.regulation import fate_influence as analysis

    return analysis.fate_influence(subject.model, subject.data, states, tuple(ends))


def latent_time(subject: RunContext) -> CellOrder:
    from cellflow_core.analysis.regulation.latent_order import latent_order

    return latent_order(subject.model, subject.data)


def lineages(subject: RunContext, view: str = "pca") -> CellLineages:
    from cellflow_core.analysis.lineage.cell_lineages import cell_lineages

    return cell_lineages(subject.model, subject.data, view_of(subject, view))


def branches(subject: RunContext) -> CellBranches:
    from cellflow_core.analysis.lineage.branches import cell_branches

    return cell_branches(subject.model, subject.data)


def gene_equations(subject: RunContext) -> GeneEquations:
    from cellflow_core.analysis.regulation import gene_equations as analysis

    return analysis.gene_equations(subject.model)


def gene_network(
    subject: RunContext, kind: Literal["auto", "network", "jacobian"] = "auto", by: str = "", group: str = ""
) -> GeneNetwork:
    """by, group: annotation and value of the cells that the network is of; "": all."""
    import numpy as np

    from cellflow_core.analysis.regulation import gene_network as analysis
    from cellflow_core.data.simulators.registry import true_network

    model, dataset = subject.model, subject.dataset
    genes = analysis.network_genes(model, subject.data, kind)
    measured = np.stack([dataset.expression(each) for each in genes], axis=1)
    truth = true_network(dataset.info.truth, dataset.info.truth_settings, genes)
    label, siblings = (by, group) if by else None, subject.ensemble[1:]
    return analysis.gene_network(model, subject.data, measured, kind, label, siblings, truth)


def futures(
    subject: RunContext,
    view: str = "pca",
    cell: int | None = None,
    polygon: Polygon = (),
    states: str = "",
    count: int = 200,
) -> TrajectoryEnsemble:
    """cell: row of the data set; None: those in the polygon, else the most typical one of the first time."""
    from cellflow_core.analysis.trajectories.trajectory_ensemble import simulate_ensemble

    siblings = subject.ensemble[1:]
    return simulate_ensemble(
        subject.model, subject.data, view_of(subject, view), cell, polygon, states, count, siblings
    )


def clones(subject: RunContext, by: str, a: str, b: str, early: str = "", view: str = "pca") -> ClonalBias:
    """by: annotation that holds the two fates a and b; early: value of it that early cells have, "" for any other."""
    from cellflow_core.analysis.lineage.clones import clonal_bias

    _check_times(subject)
    return clonal_bias(subject.model, subject.data, view_of(subject, view), by, (a, b), early)


def ancestry(
    subject: RunContext,
    view: str = "pca",
    time: float | None = None,
    polygon: Polygon = (),
    label: Sequence[str] | None = None,
    by: str = "",
) -> Ancestry:
    """label: (annotation, value) of the cells; by: annotation whose values ancestors and descendants are counted by."""
    from cellflow_core.analysis.lineage.ancestry import ancestry

    _check_times(subject)
    chosen = None if label is None else (label[0], label[1])
    model, data = subject.model, subject.data
    return ancestry(model, data, view_of(subject, view), time=time, polygon=polygon, label=chosen, by=by)


def composition(subject: RunContext, by: str) -> Composition:
    """by: annotation whose groups are counted."""
    from cellflow_core.analysis.lineage.composition import composition

    _check_times(subject)
    return composition(subject.model, subject.data, by)


def fate_trends(subject: RunContext, gene: str, states: str = "") -> GroupTrends:
    """states: "" for those that are found, or an annotation whose values are the fates."""
    from cellflow_core.analysis.regulation.fate_trends import fate_trends

    _check_times(subject)
    return fate_trends(subject.model, subject.data, gene, states)


def scores(subject: RunContext, limit: int = 2048) -> Scores:
    """limit: cells a side above which Wasserstein distances are taken in blocks, see `analysis.evaluate.scores`."""
    from cellflow_core.analysis import evaluate

    time = subject.run.recipe.hold_out
    if time is None:
        raise ValueError(
            f"run {subject.run.label!r} was trained on every time, so nothing is left that could test it: "
            "train it again with a time held out"
        )
    baselines = _baselines(subject.dataset, time, limit)
    return evaluate.scores(
        subject.model, subject.data, time, seed=subject.run.recipe.seed, limit=limit, baselines=baselines
    )


def baselines(dataset_id: str, time: float, limit: int = 2048) -> BaselineScores:
    """What a model without `time` has to beat, by the id of a data set."""
    from cellflow_core.data.store import open_dataset

    return _baselines(open_dataset(dataset_id), time, limit)


def _baselines(dataset: Dataset, time: float, limit: int) -> BaselineScores:
    """The baselines, worked out once for all runs on these data and kept beside them."""
    from cellflow_core.analysis.evaluate import baseline_scores
    from cellflow_core.analysis.results import BaselineScores

    path = dataset.folder / "baselines" / f"{dataset.info.fingerprint}-{time!r}-{limit}-v3.npz"
    if path.exists():
        return BaselineScores.load(path)
    found = baseline_scores(dataset.snapshots(), time, limit=limit)
    path.parent.mkdir(exist_ok=True)
    found.save(path)
    return found


def _check_times(subject: RunContext) -> None:
    """Raises ValueError where no time is known and the analysis compares times."""
    if not len(subject.data.times):
        raise ValueError(
            "no time of these cells is known, and this analysis compares times: flow, landscape, fates, "
            "futures and perturb need none; for the others, order the cells by pseudotime first"
        )


def view_of(subject: RunContext, name: str) -> Embedding:
    """A ready view of all cells."""
    from cellflow_core.analysis.embedding import Embedding

    return Embedding.of(subject.dataset, name)
