r"""Wasserstein Lagrangian Flows by the authors' program (Neklyudov et al. 2024).

    Version    commit 8c4d5259 of necludov/wl-mechanics
    Licence    none is stated in the repository: it may be run, not copied
    Install    git clone https://github.com/necludov/wl-mechanics      (--repository wl-mechanics)
               pip install jax==0.4.26 jaxlib==0.4.26 flax==0.8.3 optax==0.2.2 numpy==1.26.4 scipy==1.13.0 \
                   diffrax==0.5.1 equinox==0.11.4 ml_collections POT==0.9.3 scanpy scikit-learn

Networks, losses, batches, optimisers and the weighted flow are the authors'. Settings are those of their embryoid
bodies with unbalanced transport (configs/embrio/ubot), as ours has growth by default: 100,000 iterations, batches of
512, networks of 512, AdamW 2e-4 after 5,000 iterations of warming up, ten steps of the particles, averaged weights
(0.999). That file names no lambda; 0.1 is the one of their other cells (configs/rna/ubot). Times are evenly from 0
to 1 by position.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import functools
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
from fold import Array, Fold, Predict, run

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    import datasets
    import eval_utils
    import jax
    import losses
    import train_utils
    from flax import jax_utils
    from models import mlp as _networks  # noqa: F401 - it tells the table of networks about itself
    from models import utils

    config = runpy.run_path(str(Path(fold.repository) / "configs" / "embrio" / "ubot.py"))["get_config"]()
    config.lambd, config.data.test_id, config.seed = 0.1, None, fold.seed
    config.data.dim = config.model_s.input_dim = config.model_q.input_dim = fold.start.shape[1]
    config.model_q.n_marginals = len(fold.frames)
    times = np.array(fold.positions) / fold.positions[-1]
    datasets.get_data = lambda *_: ([*fold.frames], [*fold.frames], [*fold.frames], lambda x: x, times)
    key, for_s, for_q, for_batches = jax.random.split(jax.random.PRNGKey(fold.seed), 4)
    sampler, sampled = train_utils.get_time_sampler(config)

    def state(model: tuple[Any, Any], optimizer: Any) -> tuple[Any, Any]:
        network, first = model
        held = utils.State(
            step=1,
            opt_state=optimizer.init(first),
            model_params=first,
            ema_rate=0.999,
            params_ema=first,
            sampler_state=sampled,
            key=key,
            wandbid=0,
        )
        return network, jax_utils.replicate(held)

    for_each = [train_utils.get_optimizer(each) for each in (config.optimizer_s, config.optimizer_q)]
    network_s, state_s = state(utils.init_model_s(for_s, config.model_s), for_each[0])
    network_q, state_q = state(utils.init_model_q(for_q, config.model_q), for_each[1])
    loss = losses.get_loss(config, network_s, network_q, sampler, train=True)
    step = jax.pmap(
        functools.partial(jax.lax.scan, train_utils.get_step_fn(config, *for_each, loss)), axis_name="batch"
    )
    batches, _ = datasets.get_batch_iterator(config, for_batches)
    for _ in range(round(config.train.n_iters * fold.iterations)):
        key, now, noise = jax.random.split(key, 3)
        (_, state_s, state_q), _ = step((noise[None], state_s, state_q), batches(now))
    trained = jax_utils.unreplicate(state_s)

    def predict() -> tuple[Array, Array]:
        carry, _ = eval_utils.get_generator(network_s, config)
        begin, end = ((fold.positions[fold.start_index] + each) / fold.positions[-1] for each in (0, 1))
        (x, weight), _ = jax.jit(carry)(key, trained, (fold.start, begin, fold.start, end))
        return np.asarray(x), np.asarray(weight)

    return predict


if __name__ == "__main__":
    run(train)
