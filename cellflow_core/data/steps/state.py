"""Other axes for the same cells: from their stored gene expression, another state space."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_matrix

from cellflow_core.config import Config, setting
from cellflow_core.data.channels import CHANNELS
from cellflow_core.data.importing.rna_velocity import SPLICING
from cellflow_core.data.preprocessing.highly_variable_genes import most_variable
from cellflow_core.data.preprocessing.normalisation import dense
from cellflow_core.data.preprocessing.reconstruction import compare
from cellflow_core.data.readers.limits import memory
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import genes as gene_axes
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.counts import recover_counts
from cellflow_core.data.spaces.fitting import FittedSpace, moments
from cellflow_core.data.spaces.pca import principal
from cellflow_core.data.spaces.splicing import KIND
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
TOTALS = "total counts"
WORDS = {
    "pca": "principal components",
    "genes": "genes",
    "diffusion": "diffusion map",
    "vae": "autoencoder of counts",
    "geodesic": "geodesic autoencoder",
}


@dataclasses.dataclass(frozen=True)
class Settings(Config):
    representation: Literal["pca", "genes", "diffusion", "vae", "geodesic"] = setting(
        "pca",
        "what the axes are: principal components and genes can be read back as genes exactly, others are learnt",
        choice_labels=WORDS,
    )
    axes: int = setting(
        10, "axes of the new state; for genes, how many where none are named", 2, 200, label="Number of axes"
    )
    variable_genes: int = setting(2000, "genes that differ most between cells, from which axes are made", 2, 5000)
    genes: str = setting("", "genes by name: the axes themselves for genes, and always among those used otherwise")
    seed: int = setting(0, "seed of the random choices", 0, 2**31 - 1)


class ChangeStateSpace(Step):
    title = "Change state space"
    summary = (
        "Makes the state anew from the stored expression: principal components, chosen genes, a diffusion map, an "
        "autoencoder of counts (scVI-like) or one that keeps distances along the cells. Models work in these axes."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        on_progress("reading the genes")
        table, names = measured_table(dataset)
        chosen = self._chosen(table, names, on_progress)
        used = table[:, chosen]
        found = self._learnt(dataset, used, tuple(names[k] for k in chosen), chosen, on_progress)
        on_progress("reading the genes back from the new axes")
        read_back = compare(found.space, found.x, used, found.held_out)
        data = dataset.snapshots()
        velocity, notes = map_velocity(data, found.space)
        rna = splicing_of(dataset, found.space)
        snapshots = dataclasses.replace(data, x=found.x, space=found.space, velocity=velocity, **rna)
        return StepResult(
            snapshots,
            found.summary,
            notes=(*found.notes, *notes),
            name=WORDS[self.settings.representation],
            variance=found.shares,
            reconstruction=read_back,
        )

    def _chosen(self, table: Any, names: tuple[str, ...], on_progress: OnProgress) -> Array:
        """Indices of the genes that are used, ascending; of genes as axes, in the order they were named."""
        settings = self.settings
        at = {name: k for k, name in enumerate(names)}
        asked = [at[each] for each in gene_axes.named(settings.genes, names)]
        if settings.representation == "genes" and asked:
            if len(asked) < 2:
                raise ValueError("one gene is no state: name two or more, or none to take those that differ most")
            return np.array(asked)
        count = settings.axes if settings.representation == "genes" else settings.variable_genes
        on_progress("finding the most variable genes")
        return np.union1d(variable(table, names, count), np.array(asked, dtype=int))

    def _learnt(
        self, dataset: Dataset, table: Any, genes: tuple[str, ...], chosen: Array, on_progress: OnProgress
    ) -> FittedSpace:
        settings = self.settings
        if settings.representation == "genes":
            return gene_axes.fit(table, genes)
        most = min(len(genes), table.shape[0] - 2)
        if most < 2:
            raise ValueError(
                f"{len(genes)} gene and {table.shape[0]} cells give no two axes: use more genes or more cells"
            )
        axes = min(settings.axes, most)
        if settings.representation == "pca":
            on_progress("computing principal components")
            found = principal(table, genes, axes)
            message = (
                f"{found.space.dim} principal components of {len(genes):,} genes, carrying {found.shares.sum():.0%} of "
            )
            return FittedSpace(found.state, found.space, f"{message}their variance, are the axes", shares=found.shares)
        if settings.representation == "vae":
            from cellflow_core.data.spaces import vae

            counts, totals = counts_of(dataset, chosen)
            return vae.fit(table, genes, axes, settings.seed, on_progress, counts, totals)
        from cellflow_core.data.spaces import diffusion, geodesic

        fit = diffusion.fit if settings.representation == "diffusion" else geodesic.fit
        return fit(table, genes, axes, settings.seed, on_progress)


def measured_table(dataset: Dataset) -> tuple[Any, tuple[str, ...]]:
    """(numpy or CSR [cells, genes], names) of the expression of a data set, or of its axes where they are genes.

    Raises ValueError, with a sentence, where there are no genes.
    """
    held = dataset.measured
    if not held.genes:
        raise ValueError(
            f"{dataset.info.label!r} comes without gene expression, so no other axes can be made from it: load a file "
            "with genes"
        )
    table = held.table()
    return (table if isinstance(table, np.ndarray) else csr_matrix(table)), held.genes  # scanpy takes no sparse array


def variable(table: Any, names: tuple[str, ...], count: int) -> Array:
    """Indices, ascending, of the genes that differ most: by dispersion, or by variance where values go below zero."""
    if len(names) <= count:
        return np.arange(len(names))
    if float(table.min()) >= 0 and len(names) > 50:
        return most_variable(table, names, count)
    return np.sort(np.argsort(-moments(table)[1], kind="stable")[:count])


def counts_of(dataset: Dataset, chosen: Array) -> tuple[Any, Array | None]:
    """(counts of the chosen genes, total counts of each cell): the layer "counts", or recovered from log-normalised
    values and the total counts; (None, None) where neither is known."""
    if "counts" in dataset.info.layers:
        held = dataset.layer("counts").table()
        whole = held if isinstance(held, np.ndarray) else held.tocsr()
        totals = np.asarray(whole.sum(axis=1, dtype=np.float64)).ravel()
        return (whole[:, chosen], totals) if (totals > 0).all() and whole.min() >= 0 else (None, None)
    totals = dataset.snapshots().covariates.get(TOTALS)
    if totals is None:
        return None, None
    table, _ = measured_table(dataset)
    found = recover_counts(table, np.asarray(totals, dtype=np.float64))
    return (None, None) if found is None else (found[:, chosen], np.asarray(totals, dtype=np.float64))


def splicing_of(dataset: Dataset, space: StateSpace) -> dict[str, Array | None]:
    """Channels of the genes of a new space: spliced and unspliced values from the layers, None where there are none or
    where they are too large to be carried with every cell; None for what was known of the genes of the old space."""
    data = dataset.snapshots()
    none = dict.fromkeys(name for name, each in CHANNELS.items() if each.shape == ("genes",))
    small = 2 * 4 * len(data.x) * len(space.genes) <= memory() / 8
    if not small or any(name not in data.channels or name not in dataset.info.layers for name in SPLICING):
        return none
    layers = {name: dataset.layer(name) for name in SPLICING}
    at = {name: k for k, name in enumerate(layers[SPLICING[0]].genes)}
    columns = [at[each] for each in space.genes if each in at]
    if len(columns) < len(space.genes):
        return none
    return none | {
        name: np.ascontiguousarray(dense(each.table()[:, columns]), np.float32) for name, each in layers.items()
    }


def map_velocity(data: Snapshots, space: StateSpace) -> tuple[Array | None, tuple[str, ...]]:
    """(velocity in the new space, notes): mapped where both spaces are affine and the old one holds all genes."""
    if data.velocity is None:
        return None, ()
    log = KIND not in (space.kind, data.space.kind)  # RNA is no logarithm, as expression is
    if log and isinstance(space, AffineSpace) and isinstance(data.space, AffineSpace) and data.space.genes:
        at = {name: k for k, name in enumerate(data.space.genes)}
        if all(each in at for each in space.genes):
            of_genes = data.space.pushforward(data.x, data.velocity)[:, [at[each] for each in space.genes]]
            mapped = of_genes if space.decoder is None else of_genes @ space.decoder.T
            return mapped.astype(np.float32), ("The velocity was carried over to the new axes.",)
    return None, ("The velocity was left out: it is known in the old axes only.",)
