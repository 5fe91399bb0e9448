"""Control genes: the same perturbation of randomly chosen other genes, to compare an effect with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellflow_core.data.snapshots import Snapshots

CONTROLS = 20


def control_genes(
    data: Snapshots, gene: str, seed: int, count: int = CONTROLS, excluded: Sequence[str] = ()
) -> tuple[str, ...]:
    """Random other genes among those whose standard deviation in the state space is most like that of `gene`."""
    space = data.space
    deviation = space.gene_std(data.x)
    names = np.array(space.genes, dtype=object)
    usable = (deviation > 1e-6 * deviation.max()) & ~np.isin(names, [gene, *excluded])
    own = max(float(deviation[space.genes.index(gene)]), 1e-12)
    order = np.flatnonzero(usable)[np.argsort(np.abs(np.log(deviation[usable] / own)))][: 5 * count]
    picked = np.random.default_rng(seed).permutation(order)[:count]
    return tuple(str(each) for each in names[picked])


def control_sets(data: Snapshots, genes: Sequence[str], seed: int) -> tuple[tuple[str, ...], ...]:
    """For a perturbation of several genes at once, sets of as many distinct control genes, each like its gene."""
    columns = [control_genes(data, gene, seed + k, excluded=genes) for k, gene in enumerate(genes)]
    return tuple(each for each in zip(*columns, strict=False) if len(set(each)) == len(each))
