"""Conditional mutual information by nearest neighbors, the piece that directed information is made of.

Frenzel & Pompe, "Partial mutual information for coupling analysis of multivariate time series", Phys. Rev. Lett.
99:204101, 2007, doi:10.1103/PhysRevLett.99.204101, after Kraskov, Stoegbauer & Grassberger 2004. With eps the distance
(largest difference of a coordinate) of a point to its k-th neighbor in (x, y, z), and n the number of points that are
strictly nearer than eps in fewer coordinates, the point itself among them,

    I(x; y | z) = psi(k) - mean(psi(n_xz) + psi(n_yz) - psi(n_z))    (nats)
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def directed_information(
    before: Float[Tensor, "points genes"], after: Float[Tensor, "points genes"], neighbors: int
) -> Float[Tensor, "genes genes"]:
    """I(before of the source; after of the target | before of the target), targets in rows; 0 on the diagonal.

    Estimates are not below 0. Raises ValueError where there are not more points than neighbors.
    """
    points, genes = before.shape
    if points <= neighbors:
        raise ValueError(f"{points} points are too few for {neighbors} nearest neighbors")
    first = torch.digamma(torch.tensor(float(neighbors)))
    found = torch.zeros(genes, genes)
    for target in range(genes):
        z, y = _distances(before[:, target]), _distances(after[:, target])
        yz = torch.maximum(y, z)
        for source in range(genes):
            if source != target:
                xz = torch.maximum(_distances(before[:, source]), z)
                near = torch.maximum(xz, y).kthvalue(neighbors + 1, dim=1).values[:, None]  # itself is the nearest
                counts = [torch.digamma((each < near).sum(dim=1).clamp(min=1).float()) for each in (xz, yz, z)]
                found[target, source] = first - (counts[0] + counts[1] - counts[2]).mean()
    return found.clamp(min=0)


def _distances(x: Float[Tensor, " points"]) -> Float[Tensor, "points points"]:
    return (x[:, None] - x).abs()


def ranks(x: Float[Tensor, "points genes"]) -> Float[Tensor, "points genes"]:
    """Places in order, 0 to 1, equal values in the order of the rows: information does not depend on the scale."""
    return x.argsort(dim=0, stable=True).argsort(dim=0, stable=True).float() / max(len(x) - 1, 1)


def partial_correlation(
    before: Float[Tensor, "points genes"], after: Float[Tensor, "points genes"]
) -> Float[Tensor, "genes genes"]:
    """Correlation of a source before and a target after, both without what the target before explains linearly."""

    def unit(x: Tensor) -> Tensor:
        centered = x - x.mean(dim=0)
        return centered / centered.norm(dim=0).clamp(min=1e-12)

    b, a = unit(before), unit(after)
    xy, xz, yz = a.T @ b, b.T @ b, (a * b).sum(dim=0)[:, None]
    return (xy - yz * xz) / ((1 - xz**2).clamp(min=1e-12) * (1 - yz**2).clamp(min=1e-12)).sqrt()
