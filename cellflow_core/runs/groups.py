"""Runs that were submitted together: the seeds of one model with its held-out copy, or all runs of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cellflow_core.runs.run import Run


@dataclass(frozen=True)
class RunGroup:
    """Runs submitted together, newest first. comparison: each was trained without some time, to compare models."""

    runs: tuple[Run, ...]
    comparison: bool

    @property
    def sweep(self) -> bool:
        """Are there several models, or one with several settings, to choose from? Models of the same individuals
        without their later measurements are not, where each has one setting: they are references of each other."""
        recipes = [run.recipe for run in self.runs if run.recipe.hold_out is None]
        whole = {each.choice for each in recipes if each.hold_out_after is None}
        later = {(each.model, each.choice) for each in recipes if each.hold_out_after is not None}
        return not self.comparison and (len(whole) > 1 or len(later) > len({model for model, _ in later}))

    @property
    def id(self) -> str:
        """The group of the recipes, or the run itself where it was submitted alone."""
        return self.runs[0].recipe.group or self.runs[0].id


def groups(runs: Iterable[Run]) -> tuple[RunGroup, ...]:
    """The runs by what they were submitted with, in the order of the first of each."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.recipe.group or run.id, []).append(run)
    return tuple(RunGroup(tuple(each), _compares(each)) for each in found.values())


def comparison_ids(runs: Iterable[Run]) -> frozenset[str]:
    """Ids of the runs that were trained for a comparison only."""
    return frozenset(run.id for each in groups(runs) if each.comparison for run in each.runs)


def _compares(runs: Sequence[Run]) -> bool:
    """A training has a run on all times; a comparison has none."""
    return bool(runs[0].recipe.group) and all(run.recipe.hold_out is not None for run in runs)
