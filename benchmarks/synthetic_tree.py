"""Made-up cells of any number: a population that moves on, parts into three branches and grows unevenly, in clones.

With t = 0, 1, ... and branch k drawn with chance proportional to exp(g_k t), a cell stands at

    x = v p e_1 + w max(p - f, 0) (cos a_k e_2 + sin a_k e_3) + eps,    p = t + 0.2 xi,    eps_j ~ N(0, s^2 / j)

so that, as among principal components of measured cells, most axes hold little: xi is standard normal, a_k are three
even angles, v, w, f, s the constants below. All that a model may need is known: velocity dx/dt at fixed xi and eps,
growth g_k, mass of each time (mean of exp(g_k t) over branches), and the clone of each cell, one of CLONES; four in
five cells of a clone are of one branch. Cells of different times share nothing but clones.
"""

from __future__ import annotations

import numpy as np

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

SPEED, SIDEWAYS, FORK, SPREAD = 2.0, 2.0, 1.0, 0.5  # v, w, f, s
JITTER = 0.2
GROWTH = np.array([0.5, 0.2, -0.1])  # g, of each branch
CLONES = 600
TRUE_TO_CLONE = 0.8
"""Share of the cells of a clone that are of its own branch."""


def tree(cells: int, dims: int = 50, frames: int = 5, seed: int = 0) -> Snapshots:
    """About `cells` cells, the same number at each of `frames` times; fewer than three axes are a ValueError."""
    if dims < 3:
        raise ValueError(f"the tree lies in three coordinates, {dims} were asked for")
    rng = np.random.default_rng(seed)
    each = cells // frames
    t = np.repeat(np.arange(frames, dtype=np.float64), each)
    weight = np.exp(GROWTH * np.arange(frames)[:, None])  # [frames, branches]
    branch = np.concatenate([rng.choice(3, each, p=row / row.sum()) for row in weight])
    passed = t + JITTER * rng.standard_normal(len(t))
    angle = 2 * np.pi * branch / 3
    sideways = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = SPREAD / np.sqrt(np.arange(1, dims + 1)) * rng.standard_normal((len(t), dims))
    x[:, 0] += SPEED * passed
    x[:, 1:3] += SIDEWAYS * np.maximum(passed - FORK, 0)[:, None] * sideways
    velocity = np.zeros_like(x)
    velocity[:, 0] = SPEED
    velocity[:, 1:3] = SIDEWAYS * (passed > FORK)[:, None] * sideways
    own = 3 * rng.integers(CLONES // 3, size=len(t)) + branch
    lineage = np.where(rng.random(len(t)) < TRUE_TO_CLONE, own, rng.integers(CLONES, size=len(t)))
    return Snapshots(
        x,
        t,
        AffineSpace.coordinates(tuple(f"x{k + 1}" for k in range(dims))),
        velocity=velocity.astype(np.float32),
        mass=weight.mean(axis=1),
        growth=GROWTH[branch],
        lineage=lineage,
        labels={"branch": np.array(["first", "second", "third"])[branch]},
    )
