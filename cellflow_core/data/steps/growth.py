"""How fast each kind of cell divides and dies, and what the numbers of cells mean."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.preprocessing import gene_sets
from cellflow_core.data.readers import gene_names
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_covariate
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.time_units import days_in

Array = np.ndarray
LEAST = 5
"""With fewer genes of a list the score is noise."""
RATES = (0.3, 1.7)
"""Lowest and highest rate of birth, and of death, per day."""
_NOTE = (
    "Growth is a guess from the genes of cell cycle and of apoptosis, between -1.4 and 1.4 per day: nobody counted "
    "divisions. Models that learn growth correct it."
)


@dataclass(frozen=True)
class Settings(Config):
    from_genes: bool = setting(
        True,
        "guess birth and death of each cell from genes of cell cycle and apoptosis",
        label="Estimate growth from genes",
    )
    use_cell_counts_as_mass: bool = setting(
        False,
        "take the number of cells at each time as the size of the population. Only where the experiment counted: most "
        "protocols load as many cells as they like, and then the numbers say nothing of growth",
        label="Cell counts are population sizes",
    )
    days_per_unit: float = setting(
        0.0, "days in one unit of time; 0: read from the unit", 0.0, 1e5, unit="days", label="Days per time unit"
    )


class EstimateGrowth(Step):
    """Scores and rates as in Waddington-OT (Schiebinger et al. 2019, Cell 176:928, doi 10.1016/j.cell.2019.01.006).

    The score of a cell is the mean z-score, cut at +-5, over the genes of a list. Birth is a logistic function of the
    proliferation score (centre 0.25, width 0.5), death of the apoptosis score (centre 0.1, width 0.2), each between 0.3
    and 1.7 per day, as in the authors' program; growth is birth minus death.
    """

    title = "Estimate growth rates"
    summary = (
        "Where some cells divide and others die, a group can grow without any cell moving there. Gives each cell a "
        "guess of its net growth, and says whether cell numbers mean something."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        if not (settings.from_genes or settings.use_cell_counts_as_mass):
            raise ValueError("nothing is chosen: take growth from genes, or cell numbers as they are, or both")
        messages, notes = [], []
        if settings.from_genes:
            days = settings.days_per_unit or days_in(data.time_unit)
            if days is None or data.time_unit == "pseudotime":
                raise ValueError(
                    f"the rates are per day, and the unit of time here is {data.time_unit or 'not known'!r}: set "
                    "days_per_unit, or take growth only where time was measured"
                )
            on_progress("scoring cell cycle and apoptosis")
            birth, cycling = _score(dataset, gene_sets.PROLIFERATION, "proliferation")
            death, dying = _score(dataset, gene_sets.APOPTOSIS, "apoptosis")
            rate = birth_rate(birth) - death_rate(death)
            data = dataclasses.replace(data, growth=(rate * days).astype(np.float64))
            for name, values in (("proliferation", birth), ("apoptosis", death), ("net growth per day", rate)):
                data = with_covariate(data, name, values)
            messages.append(
                f"guessed the net growth of each cell from {cycling} genes of the cell cycle and {dying} of apoptosis: "
                f"{np.quantile(rate, 0.05):.2f} to {np.quantile(rate, 0.95):.2f} per day in 90 % of cells"
            )
            notes.append(_NOTE)
        if settings.use_cell_counts_as_mass:
            if DataRequirement.TIMES not in data.has:
                raise ValueError("the cells are of one time, so their number says nothing of growth")
            counts = np.array([(data.t == time).sum() for time in data.times], dtype=np.float64)
            data = dataclasses.replace(data, mass=counts)
            messages.append(
                f"took the cell numbers as population sizes: {', '.join(f'{each:,.0f}' for each in counts)}"
            )
            notes.append("Cell numbers are taken as population sizes, because the experiment is said to have counted.")
        return StepResult(data, "; ".join(messages), notes=tuple(notes), name="growth")


def birth_rate(score: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Divisions per day of a proliferation score."""
    return _logistic(score, 0.25, 0.5)


def death_rate(score: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Deaths per day of an apoptosis score."""
    return _logistic(score, 0.1, 0.2)


def _logistic(score: Array, center: float, width: float) -> Array:
    from scipy.special import expit

    low, high = RATES
    return low + (high - low) * expit(4 / width * (score - center))


def _score(dataset: Dataset, genes: tuple[str, ...], what: str) -> tuple[Array, int]:
    """(mean z-score of each cell, number of genes it is of). Genes that do not vary are not counted."""
    space = dataset.snapshots().space
    held = dataset.measured.genes or (space.genes if space.kind == "genes" else ())
    by_name = gene_names.lookup(held)
    columns = []
    for name in dict.fromkeys(map(gene_names.spelling, genes)):
        if name in by_name:
            values = dataset.expression(by_name[name]).astype(np.float64)
            spread = values.std()
            if spread > 0:
                columns.append(np.clip((values - values.mean()) / spread, -5, 5))
    if len(columns) < LEAST:
        raise ValueError(
            f"{len(columns)} of {len(genes)} genes of {what} vary in these data and at least {LEAST} are needed: "
            + (
                f"the genes are named by accession ids such as {next(iter(held))}; import a file that has their symbols"
                if gene_names.unnamed(held)
                else "load the data with all genes, named by symbols such as TOP2A or Top2a"
            )
        )
    return np.mean(columns, axis=0), len(columns)
