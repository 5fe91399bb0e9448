"""Diagonal metrics that make space long away from the cells, so that geodesics stay among them.

    land  Arvanitidis et al., "A locally adaptive normal distribution", NeurIPS 2016, arXiv:1606.02518:
          h_a(x) = sum_i w_i(x) (x_i^a - x^a)^2,   w_i = exp(-|x - x_i|^2 / (2 g^2)),   g the bandwidth
    rbf   Arvanitidis et al., "Geometrically enriched latent spaces", AISTATS 2021, arXiv:2008.00565:
          h(x) = sum_k o_k exp(-l_k |x - c_k|^2 / 2),  c_k k-means centres of spread s_k, l_k = 1 / (2 (g s_k)^2),
          o_k >= 0 by least squares so that h is 1 at the cells
    both  G_a(x) = 1 / (h_a(x) / h + floor)^power,     h the median of h_a over the cells (1 for rbf)

as Metric Flow Matching (Kapusniak et al., NeurIPS 2024, arXiv:2405.14780, section 4) uses them. There bandwidth and
floor are numbers of a data set; here the bandwidth counts distances to a near neighbour (land) or spreads of a cluster
(rbf), and h is measured against its own median, so that one setting means the same on any data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Kind = Literal["land", "rbf"]
CELLS = 2048
"""Cells that a metric is made from, drawn at random where there are more."""
NEIGHBOUR = 5
"""Which neighbour is a near one."""
BLOCK = 512
"""Points that are compared with all cells at once."""


@dataclass(frozen=True)
class _Near:
    """Sums over cells x_i with the weights w_i(x), as two products with tables of c = x_i - middle: k c and
    -k |c|^2 / 2 with k = 1 / g^2 for the weights, c^2, c and 1 for the sums."""

    middle: Float[Tensor, " dim"]
    sharpness: float  # k
    pull: Float[Tensor, "dim cells"]
    away: Float[Tensor, " cells"]
    values: Float[Tensor, "cells sums"]

    @classmethod
    def of(cls, cells: Float[Tensor, "cells dim"], width: float) -> _Near:
        middle, sharpness = cells.mean(dim=0), 1 / width**2
        c = cells - middle
        values = torch.cat([c.square(), c, torch.ones_like(c[:, :1])], dim=1)
        return cls(middle, sharpness, sharpness * c.T, -sharpness / 2 * c.square().sum(dim=1), values)

    def scatter(self, x: Float[Tensor, "points dim"]) -> Float[Tensor, "points dim"]:
        """h of land: squared differences along each axis, summed with the weights."""
        return torch.cat([self._scatter(part) for part in (x - self.middle).split(BLOCK)])

    def _scatter(self, x: Tensor) -> Tensor:
        far = -self.sharpness / 2 * x.square().sum(dim=1, keepdim=True)
        exponent = torch.addmm(self.away, x, self.pull).add_(far)
        exponent.detach().clamp_(max=0)  # of far outliers rounding may leave more; the slope is that of the formula
        squares, firsts, count = (exponent.exp() @ self.values).tensor_split([x.shape[1], 2 * x.shape[1]], dim=1)
        return (squares - 2 * x * firsts + x.square() * count).clamp_min(0)


@dataclass(frozen=True)
class Land:
    """unit [dim] median of h at the cells (state^2)."""

    near: _Near
    unit: Float[Tensor, " dim"]
    floor: float
    power: float

    @classmethod
    def of(cls, cells: Float[Tensor, "cells dim"], bandwidth: float, floor: float, power: float) -> Land:
        """`bandwidth` in median distances to the fifth neighbour."""
        middle = cells - cells.mean(dim=0)  # keeps digits of small distances
        separation = torch.cat([_nearest(part, middle) for part in middle.split(BLOCK)])
        near = _Near.of(cells, bandwidth * (float(separation.median()) or 1.0))
        unit = near.scatter(cells).median(dim=0).values
        return cls(near, torch.where(unit > 0, unit, torch.ones_like(unit)), floor, power)

    def __call__(self, x: Float[Tensor, "points dim"]) -> Float[Tensor, "points dim"]:
        """The diagonal of G at each point (no unit)."""
        return (self.near.scatter(x) / self.unit + self.floor).pow(-self.power)


@dataclass(frozen=True)
class Rbf:
    """centres [k, dim] of the clusters, sharpness l and weight o of each."""

    centres: Float[Tensor, "clusters dim"]
    sharpness: Float[Tensor, " clusters"]
    weight: Float[Tensor, " clusters"]
    floor: float
    power: float

    @classmethod
    def of(
        cls,
        cells: Float[Tensor, "cells dim"],
        bandwidth: float,
        floor: float,
        power: float,
        clusters: int,
        rng: torch.Generator,
    ) -> Rbf:
        """`bandwidth` in spreads of a cluster; a cluster of equal cells gets the median spread of the others."""
        from scipy.optimize import nnls
        from sklearn.cluster import KMeans

        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        found = KMeans(min(clusters, len(cells)), n_init="auto", random_state=seed).fit(cells.double().cpu().numpy())
        centres = torch.as_tensor(found.cluster_centers_).to(cells)
        label = torch.as_tensor(found.labels_).long().to(cells.device)
        away = (cells - centres[label]).norm(dim=1)
        count = torch.bincount(label, minlength=len(centres)).clamp_min(1)
        spread = torch.zeros(len(centres), dtype=cells.dtype, device=cells.device).index_add_(0, label, away) / count
        wide = spread[spread > 0]
        spread = torch.where(spread > 0, spread, wide.median() if len(wide) else torch.ones_like(spread))
        sharpness = 1 / (2 * (bandwidth * spread) ** 2)
        features = (-sharpness / 2 * torch.cdist(cells, centres).square()).exp().double().cpu().numpy()
        weight = torch.as_tensor(nnls(features, np.ones(len(cells)))[0]).to(cells)
        return cls(centres, sharpness, weight, floor, power)

    def __call__(self, x: Float[Tensor, "points dim"]) -> Float[Tensor, "points dim"]:
        """The diagonal of G at each point, the same along every axis (no unit)."""
        separation = (x[:, None] - self.centres).square().sum(dim=2)
        h = (-self.sharpness / 2 * separation).exp() @ self.weight
        return (h + self.floor).pow(-self.power)[:, None].expand(x.shape)


Metric = Land | Rbf


def metric(
    kind: Kind,
    cells: Float[Tensor, "cells dim"],
    bandwidth: float,
    floor: float,
    power: float,
    clusters: int,
    rng: torch.Generator,
) -> Metric:
    """The metric of these cells."""
    if len(cells) > CELLS:
        cells = cells[torch.randperm(len(cells), generator=rng, device=cells.device)[:CELLS]]
    if kind == "land":
        return Land.of(cells, bandwidth, floor, power)
    return Rbf.of(cells, bandwidth, floor, power, clusters, rng)


def _nearest(x: Float[Tensor, "points dim"], cells: Float[Tensor, "cells dim"]) -> Float[Tensor, " points"]:
    """Distance to the fifth neighbour beside the cell itself, or to the last where there are fewer."""
    return torch.cdist(x, cells).kthvalue(min(NEIGHBOUR + 1, len(cells)), dim=1).values
