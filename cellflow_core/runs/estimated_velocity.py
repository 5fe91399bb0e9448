"""The RNA velocity that a run estimates becomes that of the state of the same cells, for models of a velocity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DatasetInfo, datasets, open_dataset
from cellflow_core.runs.index import open_run
from cellflow_core.runs.run import Run

Units = Literal["counts", "expression"]
LINEAR = ("pca", "genes")
"""State spaces into which a velocity of genes can be projected."""


def targets(run: Run) -> tuple[DatasetInfo, ...]:
    """The data sets of the very cells of a run whose axes are principal components or genes: those that its data set
    was made from, the nearest first, then others made from these. Those that took a velocity already are left out.

    Raises KeyError where the data set of the run is gone, ValueError where it is another now.
    """
    own, known = run.dataset().info, {each.id: each for each in datasets(run.workspace)}

    def line(id: str) -> Iterator[str]:
        while id in known:
            yield id
            id = known[id].parent

    # a step takes cells away or leaves them: where as many are left, they are the same, in the same order
    same = [id for id in line(own.id) if known[id].cells == own.cells]

    def fits(each: DatasetInfo) -> bool:
        taken = bool(each.recipe) and each.recipe[-1].get("step") == "velocity"
        linear = each.space in LINEAR and each.genes > 0
        return linear and not taken and each.cells == own.cells and not set(same).isdisjoint(line(each.id))

    order = {id: k for k, id in enumerate(same)}
    return tuple(sorted(filter(fits, known.values()), key=lambda each: order.get(each.id, len(same))))


def usual_units(info: DatasetInfo) -> Units:
    """What the expression of a data set is: the logarithm of counts, unless it was simulated or imported without."""
    first = info.recipe[0] if info.recipe else {}
    plain = bool(info.truth) or first.get("step") == "simulate" or first.get("settings", {}).get("log") is False
    return "expression" if plain else "counts"


def use_velocity(
    run_id: str, dataset_id: str, units: Units, on_progress: Callable[[str], None] = lambda stage: None
) -> str:
    """Store a data set as this one, with the velocity that the run estimates for its cells, and return the id.

    dataset_id  one of the `targets` of the run; units: as of `steps.velocity.velocity_of_moments`

    Raises KeyError where there is no such run or data set, ValueError, with a sentence, where the run has no velocity
    of genes or the data set is no target.
    """
    from cellflow_core.analysis.rna_velocity.estimates import spliced_velocity
    from cellflow_core.data.steps.derive import store_result
    from cellflow_core.data.steps.velocity import velocity_of_moments
    from cellflow_core.runs.weights import load_model

    run, dataset = open_run(run_id), open_dataset(dataset_id)
    data = run.dataset().snapshots()
    if DataRequirement.MOMENTS not in data.has or data.spliced is None:
        raise ValueError(
            f"run {run.label!r} was not trained on unspliced and spliced RNA of velocity genes, so it has no RNA "
            "velocity to use: take the step “Velocity genes and moments” and train a model on what it makes"
        )
    fitting = targets(run)
    if dataset_id not in {each.id for each in fitting}:
        listed = ", ".join(f"{each.label!r} ({each.id})" for each in fitting)
        raise ValueError(
            f"{dataset.info.label!r} does not hold the {len(data.x):,} cells of run {run.label!r} in principal "
            f"components or genes: {f'choose {listed}' if listed else 'make such axes of these cells first'}"
        )
    model = load_model(run)
    on_progress("reading the velocity of the run")
    rates, source = spliced_velocity(model, data), f"{model.title}, run {run.id}"
    on_progress("projecting the velocity")
    change = velocity_of_moments(dataset, data.space.genes, data.spliced, rates, units, source)
    return store_result(dataset, change, {"step": "velocity", "settings": {"source": source, "units": units}})
