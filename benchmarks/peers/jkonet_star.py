r"""JKOnet* by the authors' program (Terpin et al. 2024).

    Version    commit 1741c53a of antonioterpin/jkonet-star
    Licence    MIT
    Install    git clone https://github.com/antonioterpin/jkonet-star      (--repository jkonet-star)
               pip install jax==0.4.26 jaxlib==0.4.26 flax==0.8.3 jaxopt==0.8.3 ott-jax==0.4.6 POT==0.9.3 \
                   scipy==1.13.0 numpy==1.26.4 scikit-learn==1.4.2 matplotlib==3.9.0 chex optax torch tqdm pyyaml

Couplings, loss, optimiser and the implicit step are the authors'. Their settings for the embryoid bodies
(scripts/exp_rna_jkonet_star.sh, config.yaml): solver jkonet-star-time-potential, networks 64-64, Adam 1e-3, gradient
clipped at 10, batches of 250 couplings, 100 epochs. An epoch is EPOCH batches, as on the couplings of 60 % of their
16,819 cells, so that fewer cells do not mean fewer steps. Their program leaves out a time with both intervals around
it and cannot predict it then; here the times around it are one interval of their unit step, as all are, and the
prediction is an implicit step of the share of it with the potential of its end (of three readings, with the potential
at the held-out time or on the straight line to a whole step, the one nearest to the cells).
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from fold import Array, Fold, Predict, run

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

EPOCHS, EPOCH, BATCH = 100, 64, 250


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    import jax
    import jax.numpy as jnp
    import yaml
    from models import EnumMethod, get_model
    from utils.ot import compute_couplings
    from utils.sde_simulator import get_SDE_predictions

    config = yaml.safe_load((Path(fold.repository) / "config.yaml").read_text())
    solver = EnumMethod("jkonet-star-time-potential")
    key = jax.random.PRNGKey(fold.seed)
    model = get_model(solver, config, fold.start.shape[1], 1.0)
    state, step = model.create_state(key), jax.jit(model.train_step)
    found = [
        np.asarray(compute_couplings(jnp.asarray(x), jnp.asarray(y), position))
        for (x, y), position in zip(pairwise(fold.frames), fold.positions[1:], strict=True)
    ]
    rows = np.concatenate(found)
    dim, rng = fold.start.shape[1], np.random.default_rng(fold.seed)
    for _ in range(EPOCHS * EPOCH):
        chosen = rows[rng.permutation(len(rows))[:BATCH]]
        x, y, time, weight = chosen[:, :dim], chosen[:, dim : 2 * dim], chosen[:, -2], chosen[:, -1]
        _, state = step(state, (x, y, time, weight, np.ones(len(x)), np.zeros_like(x)))  # no density in this loss
    potential = model.get_potential(state)

    def predict() -> Array:
        end = fold.positions[fold.start_index + 1]
        path = get_SDE_predictions(str(solver), fold.share, 1, end, potential, 0.0, 0.0, key, jnp.asarray(fold.start))
        return np.asarray(path[-1])

    return predict


if __name__ == "__main__":
    run(train)
