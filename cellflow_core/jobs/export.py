"""A run as a file of cells for other tools. Writing is an explicit act, and the file says where it came from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import cellflow_core
from cellflow_core import csv_output
from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.fields.horizon import followed_times
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.atomic_write import replacing
from cellflow_core.data.readers import make_unique
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.state import TOTALS
from cellflow_core.data.store import cell_names
from cellflow_core.jobs.export_results import COLUMNS, CellResults, cell_results
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.models.contract import MOVES_CELLS, capabilities
from cellflow_core.runs.index import open_run
from cellflow_core.runs.recipe import versions

Array = np.ndarray
CELL_NAME = "cell name"
NO_NAMES = "none are kept with the data set, so cells are numbered"


@dataclass(frozen=True)
class Cells:
    """Cells to be written: x [cells, dim] (state), t [cells] (NaN where unknown), velocity [cells, dim] (state / time),
    columns [cells], counts [cells, genes]; results and names of the first of them, which are measured ones."""

    x: Array
    t: Array
    what: str
    velocity: Array | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    counts: Array | None = None
    results: CellResults | None = None
    names: tuple[str, ...] = ()

    @property
    def index(self) -> list[str]:
        """A name for each: measured cells have their own, all are numbered where the data set keeps none."""
        if not self.names:
            return [f"cell-{k}" for k in range(len(self.x))]
        return make_unique([*self.names, *(f"predicted-{k}" for k in range(len(self.x) - len(self.names)))])


def export_h5ad(run_id: str, path: str, seed: int = 0) -> None:
    """The measured cells with their annotations and all that the run says of them (`cell_results`), and those of the
    first time simulated through all measured times, where the model moves cells, with velocity where it has one. The
    column `origin` tells them apart.

    With one measured time or none, cells are simulated through the velocity's own time; an unknown time is NaN. Raises
    NotAllowedError where the run was shared for looking only.
    """
    subject = RunContext(open_run(run_id))
    subject.run.require_copy()
    data, has = subject.data, capabilities(subject.model)
    cells = measured(subject)
    if has & MOVES_CELLS:
        x0, times = data.x[cells_of_time(data, first_time(data))], followed_times(dynamics(subject.model), data)
        cells = beside_measured(subject, moved(subject, simulate(subject.model, x0, times, seed=seed), seed))
    if {"velocity", "drift"} & has:
        cells = with_velocity(subject, cells)
    cells = dataclasses.replace(cells, results=cell_results(subject))
    write_h5ad(subject, cells, Path(path))


def measured(subject: RunContext) -> Cells:
    """The cells the run was trained on (and those of a time held out), with their annotations."""
    data = subject.data
    t = data.t if len(data.t) else np.full(len(data.x), np.nan)
    columns = _named({**data.labels, **data.covariates})
    return Cells(data.x, t, "measured cells", columns=columns, names=cell_names.read(subject.dataset))


def beside_measured(subject: RunContext, predicted: Cells) -> Cells:
    """Measured and predicted cells in one table, distinguished by the column `origin`.

    A column that only one kind has is empty, NaN or -1 (numbers of cells) for the other. Counts are kept where the
    data set stores those of the measured cells too.
    """
    first = measured(subject)
    columns: dict[str, Array] = {}
    sizes = len(first.x), len(predicted.x)
    for name in (*first.columns, *(each for each in predicted.columns if each not in first.columns)):
        known = [each.columns.get(name) for each in (first, predicted)]
        columns[name] = np.concatenate(
            [
                _missing(known, size) if values is None else np.asarray(values)
                for values, size in zip(known, sizes, strict=True)
            ]
        )
    columns["origin"] = np.repeat(["measured", "predicted"], sizes)
    counts = None if predicted.counts is None else _measured_counts(subject)
    return Cells(
        np.concatenate([first.x, predicted.x]),
        np.concatenate([first.t, predicted.t]),
        f"{sizes[0]:,} measured cells, and {predicted.what}",
        columns=columns,
        counts=None if counts is None or predicted.counts is None else np.concatenate([counts, predicted.counts]),
        names=first.names,
    )


def _missing(known: list[Array | None], size: int) -> Array:
    """What stands for a value that is not there, in the type of the values that are."""
    kind = next(np.asarray(each).dtype.kind for each in known if each is not None)
    if kind in "iu":
        return np.full(size, -1)
    return np.full(size, np.nan) if kind == "f" else np.full(size, "", dtype=object)


def _measured_counts(subject: RunContext) -> Array | None:
    """Counts [cells, genes] of the genes of the space; None where the data set does not store all of them."""
    dataset, genes = subject.dataset, subject.data.space.genes
    if "counts" not in dataset.info.layers or not set(genes) <= set(dataset.measured.genes):
        return None
    at = [dataset.measured.genes.index(each) for each in genes]
    table = dataset.layer("counts").table()[:, at]
    return np.asarray(table.todense() if hasattr(table, "todense") else table)


def _named(labels: Mapping[str, Array]) -> dict[str, Array]:
    """Annotations under names that a file can hold: HDF5 takes no slash, and `time` and those of results are taken."""
    found: dict[str, Array] = {}
    for name, values in labels.items():
        free = name.replace("/", "_") or "unnamed"
        while free in found or free in ("time", "origin", "cell", CELL_NAME, "weight", "_index", *COLUMNS):
            free += " (annotation)"
        found[free] = values
    return found


def moved(subject: RunContext, found: Simulation, seed: int) -> Cells:
    """Simulated cells of every step: rows of one `cell` are its path, `weight` is its share of the mass. A model that
    follows no cell has no `cell`. Counts are drawn where the state decodes to them."""
    steps, count, dim = found.x.shape
    columns = {"cell": np.tile(np.arange(count), steps)} if found.tracks_cells else {}
    return Cells(
        found.x.reshape(-1, dim),
        np.repeat(found.times, count),
        f"{count} cells simulated through {steps} times, seed {seed}",
        columns=columns | {"weight": found.weight.ravel()},
        counts=drawn_counts(subject.data, found, seed),
    )


def drawn_counts(data: Snapshots, found: Simulation, seed: int) -> Array | None:
    """Counts [rows, genes] of simulated cells, from the law of the state space, in the sizes of measured cells of the
    nearest time, drawn at random; None where the space or the sizes are not known."""
    sizes = data.covariates.get(TOTALS)
    if not data.space.has_count_model or sizes is None:
        return None
    rng, parts = np.random.default_rng(seed), []
    for time, x in zip(found.times, found.x, strict=True):
        nearest = data.times[np.argmin(np.abs(data.times - time))] if len(data.times) else time
        near = np.asarray(sizes)[cells_of_time(data, nearest)]
        parts.append(data.space.sample_counts(x, rng.choice(near[np.isfinite(near)], len(x)), rng))
    return np.concatenate(parts)


def with_velocity(subject: RunContext, cells: Cells) -> Cells:
    """The same cells with the velocity of the model at their own time and state, amid those of the same time and
    origin: measured and predicted cells do not act on each other.

    Raises ValueError, with a sentence, for a model that has none.
    """
    velocity, weight = np.empty_like(cells.x), cells.columns.get("weight", np.full(len(cells.x), np.nan))
    measured = np.isnan(weight)
    for time in np.unique(cells.t):
        here = np.isnan(cells.t) if np.isnan(time) else cells.t == time
        for at, mass in ((here & measured, None), (here & ~measured, weight)):
            if at.any():
                amid = InPopulation(subject.model, cells.x[at], None if mass is None else mass[at])
                velocity[at] = velocity_at(dynamics(amid), cells.x[at], float(np.nan_to_num(time)))
    return dataclasses.replace(cells, velocity=velocity)


def provenance(subject: RunContext, cells: Cells) -> dict[str, str]:
    """Where the numbers came from, as text that any reader of the file can show."""
    run = subject.run
    return {
        "made_by": f"CellFlow Explorer {cellflow_core.__version__}",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "what": cells.what,
        "cell_names": "as in the file of the data" if cells.names else NO_NAMES,
        "run": run.id,
        "label": run.label,
        "model": subject.model.title,
        "paper": subject.model.paper,
        "data": f"{subject.dataset.info.label} ({subject.dataset.info.source})",
        "data_steps": "; ".join(subject.dataset.info.steps),
        "recipe": json.dumps(run.recipe.as_dict() | {"training": run.training}, ensure_ascii=False),
        "versions": json.dumps(versions()),
    }


def write_h5ad(subject: RunContext, cells: Cells, path: Path) -> None:
    """X is expression where the state space has genes, else the state; the state is in obsm["X_state"]. Measured cells
    have their own obs_names, where the data set keeps them.

    With a velocity: obsm["velocity_state"], and layers["velocity"] in the units of X a time. Drawn counts: in
    layers["counts"]. Results: latent time, lineage and likeliest fate in obs, "lineage_weight" and "fate_probability"
    in obsm, transitions in obsp; their column names, and a network of genes, are in uns["cellflow"].
    """
    import anndata
    import pandas as pd

    data = subject.data
    space = data.space
    obs = pd.DataFrame({"time": cells.t, **cells.columns}, index=pd.Index(cells.index, dtype=object))
    names = space.genes or space.axes
    table = anndata.AnnData(
        (space.decode(cells.x) if space.genes else cells.x).astype(np.float32), obs, pd.DataFrame(index=pd.Index(names))
    )
    table.obsm["X_state"] = cells.x
    if cells.velocity is not None:
        table.obsm["velocity_state"] = cells.velocity
        table.layers["velocity"] = space.pushforward(cells.x, cells.velocity) if space.genes else cells.velocity
    if cells.counts is not None:
        table.layers["counts"] = csr_array(cells.counts)
    uns: dict[str, Any] = {**provenance(subject, cells), "time_unit": data.time_unit, "axes": list(space.axes)}
    table.uns["cellflow"] = uns
    if cells.results is not None:
        _add_results(table, cells.results, uns)
    with replacing(path) as part:
        table.write_h5ad(part)


def _add_results(table: Any, results: CellResults, uns: dict[str, Any]) -> None:
    """Those of the measured cells, which come first; the cells after them have none."""
    count = len(table.obs)
    for name, values in results.columns.items():
        rest = np.full(count - len(values), np.nan if values.dtype.kind == "f" else "", dtype=values.dtype)
        table.obs[name] = np.concatenate([values, rest])
    for name, values in results.blocks.items():
        rest = np.full((count - len(values), values.shape[1]), np.nan)
        table.obsm[name] = np.concatenate([values, rest])
    for name, values in results.tables.items():
        held = values.tocoo()
        table.obsp[name] = csr_array((held.data, (held.row, held.col)), shape=(count, count))
    uns |= {"columns": results.names, "left_out": results.left_out} | results.matrices


def write_csv(subject: RunContext, cells: Cells, path: Path) -> None:
    """One row a cell: its name where it has one, time, annotations, state, velocity; provenance in lines that begin
    with # at the top."""
    axes = subject.data.space.axes
    columns: dict[str, Any] = {CELL_NAME: cells.index} if cells.names else {}
    columns |= {"time": cells.t, **cells.columns}
    columns |= {axis: cells.x[:, k] for k, axis in enumerate(axes)}
    if cells.velocity is not None:
        columns |= {f"velocity of {axis}": cells.velocity[:, k] for k, axis in enumerate(axes)}
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        for name, value in provenance(subject, cells).items():
            file.write(f"# {name}: {' '.join(value.split())}\n")
        csv_output.write_table(file, columns)
