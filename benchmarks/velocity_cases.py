"""Cells in their moments, of a simulator, made up, or of a file, with what is known of their velocity and time."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array, hstack

from cellflow_core.data.preprocessing.count_halves import halves_agreement
from cellflow_core.data.preprocessing.moments import moments_of
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.simulators.contract import HasLayers, HasNetwork
from cellflow_core.data.simulators.registry import create, names
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.moments import Settings, in_moments

EVERY_GENE = {"min_r2": -1.0, "min_slope": 0.0, "min_shared_counts": 0}


class Case(NamedTuple):
    """Cells in their moments, and what is known of them: ds/dt [cells, genes], time [cells], group [cells], and who
    acts on whom [targets, sources], or None."""

    data: Snapshots
    velocity: np.ndarray | None
    time: np.ndarray | None
    group: np.ndarray | None
    network: np.ndarray | None = None


def case(source: str, seed: int, cells: int, groups: str, settings: Mapping[str, Any] = {}) -> Case:
    """settings: of a simulator. groups: annotation of a file."""
    if source in names():
        given: dict[str, Any] = {"seed": seed} | dict(settings) | ({"cells_per_time": cells} if cells else {})
        if "n_times" in {each.name for each in type(create(source, {}).settings).settings()}:
            given.setdefault("n_times", 1)
        process = create(source, given)
        assert isinstance(process, HasLayers)
        truth, held = process.simulate(), process.layers()
        layers = SplicingLayers(held["unspliced"], held["spliced"], process.axes)
        time_ = next((truth.covariates[each] for each in truth.covariates if each == "latent time"), None)
        found = _in_moments(layers, EVERY_GENE, truth.velocity, time_, None)
        network = process.network().astype(float) if isinstance(process, HasNetwork) else None
        return found._replace(network=network)  # every gene is kept, in its order
    if made_up := re.fullmatch(r"(\d+)x(\d+)", source):
        return _in_moments(lineage(int(made_up[1]), int(made_up[2]), seed), EVERY_GENE, None, None, None)
    import anndata

    held = anndata.read_h5ad(source)
    unspliced, spliced = (csc_array(held.layers[each]) for each in ("unspliced", "spliced"))
    layers = SplicingLayers(unspliced, spliced, tuple(held.var_names))
    true = held.uns.get("gt_velocities")
    true = None if true is None else rates(np.asarray(true.todense() if hasattr(true, "todense") else true, float))
    time_ = held.obs["global_time"].to_numpy(float) if "global_time" in held.obs else None
    group = held.obs[groups].astype(str).to_numpy() if groups else None
    return _in_moments(layers, {}, true, time_, group)


def rates(known: np.ndarray) -> np.ndarray | None:
    """Velocities of a file, or None where they are no rates of change: without a value below 0 they are ratios of
    production to degradation, as dyngen writes them, infinite in cells without spliced RNA."""
    if np.isfinite(known).all() and (known < 0).any():
        return known
    print("the velocities of this file are no rates of change, so none is held against them", file=sys.stderr)
    return None


def lineage(cells: int, genes: int, seed: int) -> SplicingLayers:
    """Poisson counts of genes that are switched on one after the other; spliced RNA follows unspliced RNA."""
    rng = np.random.default_rng(seed)
    time_, on = rng.uniform(0, 1, (cells, 1)), rng.uniform(-0.5, 1, genes)

    def counts(delay: float, level: float) -> Any:
        parts = [
            csc_array(rng.poisson(level * np.clip(time_ - on[k : k + 100] - delay, 0, None)).astype(np.float32))
            for k in range(0, genes, 100)
        ]
        return csc_array(hstack(parts))

    return SplicingLayers(counts(0.0, 1.0), counts(0.1, 3.0), tuple(f"gene {k}" for k in range(genes)))


def _in_moments(
    layers: SplicingLayers,
    settings: dict[str, Any],
    velocity: np.ndarray | None,
    time_: np.ndarray | None,
    group: np.ndarray | None,
) -> Case:
    counts = layers.whole
    use = Settings.from_dict(settings | {"values": "counts" if counts else "normalised"})
    found = moments_of(layers, use, counts, lambda stage: None)
    halves = halves_agreement(layers, found.genes, use.components, use.neighbors) if counts else None
    genes = AffineSpace.of_genes(layers.genes)
    cells = Snapshots(np.zeros((len(found.spliced), genes.dim), np.float32), None, genes)
    data = in_moments(cells, found, layers, halves)
    at = [layers.genes.index(each) for each in found.genes]
    return Case(data, None if velocity is None else velocity[:, at], time_, group)
