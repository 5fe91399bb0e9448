"""A variational autoencoder of counts, after scVI.

Lopez, Regier, Cole, Jordan & Yosef 2018, "Deep generative modeling for single-cell transcriptomics", Nature Methods
15:1053 (doi 10.1038/s41592-018-0229-2). Encoder and decoder of one hidden layer, one dispersion a gene, observed size
of each cell, no zero inflation and no batches. Written from the paper.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cellflow_core.data.spaces.fitting import (
    FittedSpace,
    ProgressCallback,
    after,
    before,
    encoded,
    held_out_cells,
    layers_of,
    mlp,
    moments,
    rows_of,
    seeded,
    train,
)
from cellflow_core.data.spaces.neural import Layers, NeuralSpace

if TYPE_CHECKING:
    import torch

Array = np.ndarray
WIDTH = 128
STEPS = 1500
WARM_UP = 0.3
"""Share of the steps over which the weight of the Kullback-Leibler term rises from 0 to 1."""
DEAD = 0.01
"""Variance between cells below which an axis carries nothing: a prior of variance 1 has swallowed it."""
DEPTH = 1e4
LOG_THETA = (-6.0, 9.0)
"""Bounds of the logarithm of a dispersion."""
LOCAL = (
    "The axes come from a variational autoencoder: distances between cells mean likeness only near each other, and "
    "another seed gives other axes."
)


def fit(
    table: Any,
    genes: tuple[str, ...],
    axes: int,
    seed: int,
    on_progress: ProgressCallback,
    counts: Any = None,
    totals: Array | None = None,
    steps: int = STEPS,
) -> FittedSpace:
    """Learn a space from log-normalised values; its state is the mean of the encoder.

    table   log(1 + counts scaled to 10,000 a cell), or any values where there are no counts; numpy or CSR
            [cells, genes]
    counts  of the same genes, numpy or CSR [cells, genes], and totals [cells] of all genes, the others too: the
            likelihood is negative binomial. None: it is Gaussian on the values, with one variance a gene.
    """
    import torch
    from torch import nn
    from torch.nn.functional import log_softmax

    cells, width = table.shape
    held_out = held_out_cells(cells, seed)
    used = np.flatnonzero(~held_out)
    mean, deviation = moments(table[used])
    scale = np.maximum(deviation, max(float(np.median(deviation)), 1e-6))  # rare genes are not blown up
    outputs = width if counts is None else width + 1
    with seeded(seed):
        encoder, decoder = mlp(width, WIDTH, 2 * axes), mlp(axes, WIDTH, outputs)
        spread = nn.Parameter(torch.zeros(outputs))  # log dispersion, or log standard deviation
        module = nn.ModuleList([encoder, decoder])
        module.register_parameter("spread", spread)
        if counts is not None and totals is not None:  # begin at the mean shares of the genes
            decoder[-1].register_parameter("bias", nn.Parameter(_mean_logits(counts[used], totals[used])))

        def gaussian(z: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
            log_sd = spread.clamp(min=-4)
            return ((values - decoder(z)).square() / (2 * torch.exp(2 * log_sd)) + log_sd).sum(dim=1)

        def negative_binomial(z: torch.Tensor, rows: Array) -> torch.Tensor:
            assert totals is not None
            seen = torch.from_numpy(rows_of(counts, rows))
            size = torch.from_numpy(totals[rows].astype(np.float32))[:, None]
            seen = torch.cat([seen, (size - seen.sum(dim=1, keepdim=True)).clamp(min=0)], dim=1)
            return -_log_likelihood(seen, log_softmax(decoder(z), dim=1) + size.log(), spread)

        def loss(rows: Array, done: float) -> torch.Tensor:
            values = torch.from_numpy((rows_of(table, rows) - mean) / scale).float()
            center, log_var = encoder(values).chunk(2, dim=1)
            log_var = log_var.clamp(-10, 10)
            z = center + torch.exp(0.5 * log_var) * torch.randn_like(center)
            missed = gaussian(z, values) if counts is None else negative_binomial(z, rows)
            divergence = 0.5 * (center.square() + log_var.exp() - 1 - log_var).sum(dim=1)
            return (missed + min(1.0, done / WARM_UP) * divergence).mean() / width

        train(module, loss, held_out, on_progress, what="training the autoencoder", seed=seed, steps=steps)
    *hidden, (weight, bias) = after(layers_of(encoder), 1 / scale, -mean / scale)
    means = (*hidden, (weight[:, :axes], bias[:axes]))
    back = layers_of(decoder) if counts is not None else before(layers_of(decoder), scale, mean)
    return _learnt(table, genes, means, back, axes, held_out, counts, totals)


def _mean_logits(counts: Any, totals: Array) -> torch.Tensor:
    """Logits of each gene's share of all counts, with one more for the genes that are not in the table."""
    import torch

    shares = np.append(np.asarray(counts.sum(axis=0, dtype=np.float64)).ravel(), 0.0)
    shares[-1] = max(float(totals.sum()) - shares.sum(), 0.0)
    return torch.from_numpy(np.log(shares / shares.sum() + 1e-8)).float()


def _learnt(
    table: Any,
    genes: tuple[str, ...],
    encoder: Layers,
    decoder: Layers,
    axes: int,
    held_out: Array,
    counts: Any,
    totals: Array | None,
) -> FittedSpace:
    """The space without the axes that carry nothing."""
    counted = counts is not None
    whole = NeuralSpace("vae", _names(axes), genes, encoder, decoder, "rate" if counted else "linear", DEPTH)
    x = encoded(whole, table)
    variance = x.var(axis=0)
    alive = np.sort(np.argsort(-variance)[: max(2, int((variance > DEAD).sum()))])
    (weight, bias), *rest = decoder
    decoder = ((weight[alive], bias + x.mean(axis=0) @ weight - x[:, alive].mean(axis=0) @ weight[alive]), *rest)
    encoder = (*encoder[:-1], (encoder[-1][0][:, alive], encoder[-1][1][alive]))
    space = NeuralSpace("vae", _names(len(alive)), genes, encoder, decoder, whole.output, DEPTH)
    if totals is not None and counted:
        used = np.flatnonzero(~held_out)
        z = x[np.ix_(used, alive)]
        space = space.calibrated(z, lambda rows: rows_of(table, used[rows]))
        space = replace(space, dispersion=_dispersion(space, z, counts[used], totals[used]))
    law = "a negative binomial law of the counts" if counted else "a Gaussian law of the values"
    dropped = f"; {axes - len(alive)} of {axes} axes carried nothing and were left out" if axes > len(alive) else ""
    message = f"learnt {len(alive)} axes from {len(genes):,} genes by a variational autoencoder with {law}{dropped}"
    notes = [LOCAL]
    if not counted:
        notes.append("No counts of these cells are known, so the autoencoder took the values to be Gaussian.")
    return FittedSpace(x[:, alive], space, message, tuple(notes), held_out)


def _dispersion(space: NeuralSpace, x: Array, counts: Any, totals: Array) -> Array:
    """theta of each gene at which counts drawn at these states vary as the measured ones do, [genes].

    By moments: the squared errors add up to mean + mean^2 / theta. The parameter of the training tends there
    when training ends, and was learnt for states drawn from the encoder instead of its means.
    """
    extra, square = np.zeros(len(space.genes)), np.zeros(len(space.genes))
    for k in range(0, len(x), 2048):
        rows = slice(k, k + 2048)
        mean = np.expm1(space.decode(x[rows]) / space.gain) / space.depth * totals[rows, None]
        extra += (np.square(rows_of(counts, rows) - mean) - mean).sum(axis=0, dtype=np.float64)
        square += np.square(mean).sum(axis=0, dtype=np.float64)
    low, high = np.exp(LOG_THETA)
    return np.clip(square / np.maximum(extra, square / high + 1e-300), low, high)


def _names(axes: int) -> tuple[str, ...]:
    return tuple(f"VAE{k + 1}" for k in range(axes))


def _log_likelihood(counts: Any, log_mean: Any, log_dispersion: Any) -> Any:
    """Of a negative binomial law without the part that the counts alone decide, summed over genes, [cells]."""
    import torch

    log_theta = log_dispersion.clamp(*LOG_THETA)
    theta = log_theta.exp().expand_as(counts)
    log_sum = torch.logaddexp(log_mean, log_theta.expand_as(counts))
    found = counts * (log_mean - log_sum) + theta * (log_theta - log_sum)
    there = counts > 0  # the Gamma functions cost most and cancel where nothing was counted
    gammas = torch.zeros_like(found)
    gammas[there] = torch.lgamma(counts[there] + theta[there]) - torch.lgamma(theta[there])
    return (found + gammas).sum(dim=1)
