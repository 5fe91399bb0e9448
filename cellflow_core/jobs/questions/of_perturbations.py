"""What a page can ask about perturbations in a run; nothing heavy is imported before a question is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cellflow_core.jobs.questions.of_cells import Polygon, view_of

if TYPE_CHECKING:
    from cellflow_core.analysis.results import KnockOutScores, Perturbation, PerturbationScreen
    from cellflow_core.jobs.run_context import RunContext


def perturb(
    subject: RunContext,
    genes: str | Sequence[str],
    kind: Literal["knock-out", "knock-down", "over-expression", "shift", "edges"] = "knock-out",
    level: float | Sequence[float] | None = None,
    view: str = "pca",
    states: str = "",
    start_label: Sequence[str] | None = None,
    polygon: Polygon = (),
    targets: Sequence[str] = (),
) -> Perturbation:
    """genes: one, or several that are perturbed at once; level: for all of them, or for each; targets: of edges that
    are cut."""
    from cellflow_core.analysis.perturbations.knock_out import perturbation

    genes = (genes,) if isinstance(genes, str) else tuple(genes)
    for gene in (*genes, *targets):
        subject.data.space.index(gene)
    return perturbation(
        subject.model,
        subject.data,
        view_of(subject, view),
        genes,
        kind,
        level,
        states=states,
        polygon=polygon,
        label=None if start_label is None else (start_label[0], start_label[1]),
        measured={gene: subject.dataset.expression(gene) for gene in genes},
        siblings=subject.ensemble[1:],
        targets=targets,
    )


def screen(
    subject: RunContext,
    genes: Sequence[str],
    kind: Literal["knock-out", "over-expression"] = "knock-out",
    view: str = "pca",
    states: str = "",
    start_label: Sequence[str] | None = None,
    polygon: Polygon = (),
) -> PerturbationScreen:
    """genes: perturbed one after the other."""
    from cellflow_core.analysis.perturbations.screen import screen

    label = None if start_label is None else (start_label[0], start_label[1])
    model, data, siblings = subject.model, subject.data, subject.ensemble[1:]
    return screen(
        model,
        data,
        view_of(subject, view),
        tuple(genes),
        kind,
        states=states,
        polygon=polygon,
        label=label,
        siblings=siblings,
        measured=frozenset(subject.dataset.genes),
    )


def knock_outs(subject: RunContext) -> KnockOutScores:
    """Predicted beside measured, for every target of the data that is a gene of the state."""
    from cellflow_core.analysis.perturbations.knock_out_scores import knock_out_scores

    return knock_out_scores(subject.model, subject.data, subject.model.title)
