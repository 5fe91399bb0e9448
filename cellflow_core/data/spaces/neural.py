"""State spaces that two small neural networks span: plain arrays, evaluated in numpy, so that pages need no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
Layers = tuple[tuple[Array, Array], ...]
"""(weight [in, out], bias [out]) of each layer; SiLU between two layers, nothing after the last."""
KINDS = ("diffusion", "vae", "geodesic")
_ROWS = 2048
_ENOUGH = 2000


@dataclass(frozen=True)
class NeuralSpace(StateSpace):
    """state = encoder(genes), genes = decoder(state). Any scaling of inputs and outputs is part of the layers.

    encoder  genes -> state, decoder: state -> genes; every layer as (weight [in, out], bias [out])
    output   "linear": the decoder gives expression itself; "rate": it gives logits of each gene's share of a cell's
             counts, with one more for all other genes, and expression is gain log(1 + depth share)
    depth    counts of a cell that log-normalised values are scaled to, where output is "rate"
    gain     [genes], where output is "rate": the mean of a logarithm is less than the logarithm of the mean, the more
             the fewer counts a gene has; empty: 1
    dispersion  [genes], where output is "rate": theta of the negative binomial law of the counts of each gene, whose
             variance is mean + mean^2 / theta; empty: the law is not known
    """

    encoder: Layers = ()
    decoder: Layers = ()
    output: Literal["linear", "rate"] = "linear"
    depth: float = 1e4
    gain: Array = field(default_factory=lambda: np.zeros(0, np.float32))
    dispersion: Array = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.output not in ("linear", "rate"):
            raise ValueError(f"a learnt space is one of {', '.join(KINDS)} with output linear or rate")
        for name in ("encoder", "decoder"):
            layers = tuple((np.asarray(w, np.float32), np.asarray(b, np.float32)) for w, b in getattr(self, name))
            object.__setattr__(self, name, layers)
        gain = np.asarray(self.gain, np.float32)
        object.__setattr__(self, "gain", gain if len(gain) else np.ones(len(self.genes), np.float32))
        object.__setattr__(self, "dispersion", np.asarray(self.dispersion, np.float32))
        if self.has_count_model and (self.output != "rate" or self.dispersion.shape != (len(self.genes),)):
            raise ValueError(
                f"{len(self.dispersion)} dispersions and output {self.output} do not fit counts of "
                f"{len(self.genes)} genes"
            )
        ends = self.encoder[0][0].shape[0], self.encoder[-1][0].shape[1], self.decoder[0][0].shape[0]
        outputs, wanted = self.decoder[-1][0].shape[1], len(self.genes) + (self.output == "rate")
        if ends != (len(self.genes), self.dim, self.dim) or outputs != wanted:
            raise ValueError(
                f"networks that map {ends[0]} genes to {ends[1]} axes and {ends[2]} axes to {outputs} outputs do not "
                f"fit a space of {len(self.genes)} genes and {self.dim} axes"
            )

    def encode(self, genes: Float[Array, "cells genes"]) -> Float[Array, "cells dim"]:
        return _in_blocks(lambda part: _through(self.encoder, part)[0], genes)

    def decode(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        return _in_blocks(lambda part: self._expressed(_through(self.decoder, part)[0]), x)

    def pushforward(self, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        def pushed(both: Array) -> Array:
            logits, slopes = _through(self.decoder, both[:, : self.dim])
            change = np.ascontiguousarray(both[:, self.dim :])
            for (weight, _), slope in zip(self.decoder, (*slopes, None), strict=True):
                change = change @ weight
                change = change if slope is None else change * slope
            if self.output == "linear":
                return change
            share = _softmax(logits)
            change = share * (change - (share * change).sum(axis=1, keepdims=True))
            return self.gain * (self.depth * change / (1 + self.depth * share))[:, :-1]

        return _in_blocks(pushed, np.concatenate([x, v], axis=1))

    def value_and_gradient(
        self, x: Float[Array, "cells dim"], gene: str
    ) -> tuple[Float[Array, " cells"], Float[Array, "cells dim"]]:
        at = self.index(gene)
        both = _in_blocks(lambda part: self._tangent(part, at), x)
        return both[:, 0], both[:, 1:]

    def expression(self, x: Float[Array, "cells dim"], gene: str) -> Float[Array, " cells"]:
        at = self.index(gene)
        if self.output == "rate":
            return _in_blocks(lambda part: self._expressed(_through(self.decoder, part)[0])[:, at], x)
        weight, bias = self.decoder[-1]
        one = (*self.decoder[:-1], (weight[:, [at]], bias[[at]]))
        return _in_blocks(lambda part: _through(one, part)[0][:, 0], x)

    def gene_std(self, x: Float[Array, "cells dim"]) -> Float[Array, " genes"]:
        """Of at most 2,000 of the cells, evenly taken."""
        few = x[np.linspace(0, len(x) - 1, min(len(x), _ENOUGH)).astype(int)]
        return self.decode(few).std(axis=0, dtype=np.float64)

    @property
    def has_count_model(self) -> bool:
        return len(self.dispersion) > 0

    def sample_counts(
        self, x: Float[Array, "cells dim"], size: Float[Array, " cells"], rng: np.random.Generator
    ) -> Int[Array, "cells genes"]:
        if not self.has_count_model:
            return super().sample_counts(x, size, rng)

        def drawn(both: Array) -> Array:
            share = _softmax(_through(self.decoder, both[:, :-1])[0])[:, :-1]
            rate = rng.standard_gamma(np.broadcast_to(self.dispersion, share.shape)) / self.dispersion
            return rng.poisson(rate * share * both[:, -1:]).astype(np.int32)

        return _in_blocks(drawn, np.concatenate([x, np.asarray(size, np.float32)[:, None]], axis=1))

    def arrays(self) -> Mapping[str, Array | None]:
        named = {"encoder": self.encoder, "decoder": self.decoder}
        held: dict[str, Array | None] = {
            "output": np.array(self.output),
            "depth": np.array(self.depth),
            "gain": self.gain,
        }
        if self.has_count_model:  # so that spaces from before there were dispersions keep their fingerprint
            held["dispersion"] = self.dispersion
        for name, layers in named.items():
            held |= {f"{name}_weight_{k}": weight for k, (weight, _) in enumerate(layers)}
            held |= {f"{name}_bias_{k}": bias for k, (_, bias) in enumerate(layers)}
        return held

    @classmethod
    def restored(
        cls, kind: str, axes: tuple[str, ...], genes: tuple[str, ...], held: Mapping[str, Array]
    ) -> NeuralSpace:
        """Made again from what `arrays` gave."""
        output: Any = str(held["output"])
        networks = _layers(held, "encoder"), _layers(held, "decoder")
        dispersion = held.get("dispersion", np.zeros(0, np.float32))
        return cls(kind, axes, genes, *networks, output, float(held["depth"]), held["gain"], dispersion)

    def calibrated(self, x: Float[Array, "cells dim"], measured: Callable[[slice], Array]) -> NeuralSpace:
        """With the gain of each gene that fits measured values best, by least squares through the origin.

        measured  values [rows, genes] of some rows of the cells x
        """
        both, square = np.zeros(len(self.genes)), np.zeros(len(self.genes))
        for k in range(0, len(x), _ROWS):
            rows = slice(k, k + _ROWS)
            read = self.decode(x[rows]) / self.gain
            both += (read * measured(rows)).sum(axis=0, dtype=np.float64)
            square += np.square(read).sum(axis=0, dtype=np.float64)
        return replace(self, gain=np.maximum(both / np.maximum(square, 1e-12), 1e-3))

    def _expressed(self, outputs: Float[Array, "cells outputs"]) -> Float[Array, "cells genes"]:
        if self.output == "linear":
            return outputs
        return self.gain * np.log1p(self.depth * _softmax(outputs)[:, :-1])

    def _tangent(self, x: Float[Array, "cells dim"], at: int) -> Float[Array, "cells 1+dim"]:
        """Expression of one gene and, by the chain rule backwards, its gradient."""
        weight, bias = self.decoder[-1]
        hidden, slopes = _through(self.decoder[:-1], x, last=True)
        if self.output == "linear":
            value = hidden @ weight[:, at] + bias[at]
            back = np.broadcast_to(weight[:, at], hidden.shape)
        else:
            share = _softmax(hidden @ weight + bias)
            rate = self.depth * share[:, at]
            value = self.gain[at] * np.log1p(rate)
            back = (self.gain[at] * rate / (1 + rate))[:, None] * (weight[:, at] - share @ weight.T)
        for (each, _), slope in zip(reversed(self.decoder[:-1]), reversed(slopes), strict=True):
            back = (back * slope) @ each.T
        return np.concatenate([value[:, None], back], axis=1)


def _through(layers: Layers, x: Array, last: bool = False) -> tuple[Array, list[Array]]:
    """Outputs, and the slope of the activation at each layer that has one; `last`: the last layer has one as well."""
    slopes = []
    x = np.asarray(x, np.float32)
    for k, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        if last or k < len(layers) - 1:
            gate = 0.5 * (1 + np.tanh(0.5 * x))  # the logistic function, without overflow
            slopes.append(gate * (1 + x * (1 - gate)))
            x = x * gate
    return x, slopes


def _softmax(logits: Array) -> Array:
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def _in_blocks(function: Callable[[Array], Array], x: Array) -> Array:
    if len(x) <= _ROWS:
        return function(x)
    return np.concatenate([function(x[k : k + _ROWS]) for k in range(0, len(x), _ROWS)])


def _layers(held: Mapping[str, Array], name: str) -> Layers:
    count = sum(each.startswith(f"{name}_weight_") for each in held)
    return tuple((held[f"{name}_weight_{k}"], held[f"{name}_bias_{k}"]) for k in range(count))
