"""How far cells are from each other along the cells between them.

The diffusion potential and its automatic time are those of PHATE: Moon et al. 2019, Nature Biotechnology 37:1482 (doi
10.1038/s41587-019-0336-3). Potential distances are good between near cells and level off between far ones, so far ones
are joined by the shortest path over neighbours. Written from the paper.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
KERNEL = 5
"""Neighbour whose distance is the width of a cell's kernel."""
DECAY = 40.0
LONGEST = 100
"""Largest time of the diffusion that is looked at."""
PATHS = 10
"""Neighbours that a path may go to next."""


def geodesic_distances(x: Float[Array, "cells dim"]) -> Float[Array, "cells cells"]:
    """Length of the shortest path between each two cells; an edge is as long as the potential distance of its ends.

    Pieces that no path of neighbours joins are joined where they are nearest. Takes memory of the square of the cells.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
    from scipy.spatial.distance import cdist

    distances = cdist(x, x)
    potential = potential_distances(distances)
    near = nearest_neighbors(x, PATHS + 1)[1][:, 1:]
    tree = minimum_spanning_tree(distances).tocoo()
    rows = np.concatenate([np.repeat(np.arange(len(x)), near.shape[1]), tree.row])
    columns = np.concatenate([near.ravel(), tree.col])
    edges = csr_array((np.maximum(potential[rows, columns], 1e-9), (rows, columns)), shape=distances.shape)
    edges = edges.maximum(edges.T)  # also undoes the sum of edges that were given twice
    return shortest_path(edges, directed=False)


def potential_distances(distances: Float[Array, "cells cells"]) -> Float[Array, "cells cells"]:
    """Distance of the logarithms of where random walks from two cells lead (Moon et al. 2019, equations 1 to 4).

    distances  Euclidean distances of the cells
    """
    from scipy.spatial.distance import cdist

    width = np.maximum(np.sort(distances, axis=1)[:, min(KERNEL, len(distances) - 1)], 1e-12)
    kernel = np.exp(-((distances / width[:, None]) ** DECAY))
    kernel = (kernel + kernel.T) / 2
    degree = kernel.sum(axis=1)
    value, vector = np.linalg.eigh(kernel / np.sqrt(degree[:, None] * degree))
    value = np.clip(value, 0.0, 1.0)
    transition = (vector * value ** diffusion_time(value)) @ vector.T * np.sqrt(degree / degree[:, None])
    potential = -np.log(np.clip(transition, 0.0, None) + 1e-7)
    return cdist(potential, potential)


def diffusion_time(value: Float[Array, " eigenvalues"]) -> int:
    """Steps after which noise is averaged away: the knee of the entropy of the powers of the eigenvalues, where two
    straight lines fit it best."""
    steps = np.arange(1, LONGEST + 1)
    power = value[None, :] ** steps[:, None]
    share = power / power.sum(axis=1, keepdims=True)
    entropy = -(share * np.log(np.maximum(share, 1e-300))).sum(axis=1)

    def misfit(part: slice) -> float:
        line = np.polyfit(steps[part], entropy[part], 1)
        return float(np.square(entropy[part] - np.polyval(line, steps[part])).sum())

    knees = range(2, LONGEST - 2)
    return int(steps[min(knees, key=lambda k: misfit(slice(0, k + 1)) + misfit(slice(k, None)))])
