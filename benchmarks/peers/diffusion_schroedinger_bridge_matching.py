"""DSBM by the authors' program (Shi et al. 2023).

    Version    commit 0f3ca754 of yuyang-shi/dsbm-pytorch: class DSBM and train_dsbm of DSBM-Gaussian.py
    Licence    none is stated in the repository: it may be run, not copied
    Install    git clone https://github.com/yuyang-shi/dsbm-pytorch
               pip install torch pot hydra-core pytorch-lightning pandas matplotlib tqdm      --repository dsbm-pytorch

The authors bridge two laws, so that the interval around the held-out time is trained by itself and the others play no
part. Their settings (conf/gaussian.yaml, DSBM-IMF of the README): independent first coupling, backward and forward in
turn, 40 rounds of 10,000 steps, networks 256-256 with SiLU, Adam 1e-4, batches of 128 out of 10,000 pairs, 20 steps of
a simulation in training, sigma 1. The prediction is the state of the forward equation at the share of the interval, 100
steps to its end. Where fewer iterations are made, it is ten rounds of fewer steps.
"""

from __future__ import annotations

import copy
import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from fold import Array, Fold, Predict, run

ROUNDS, STEPS, PAIRS = 40, 10_000, 10_000
FEW = 10
"""Rounds where fewer iterations are made."""


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    spec = importlib.util.spec_from_file_location("authors", Path(fold.repository) / "DSBM-Gaussian.py")
    assert spec is not None and spec.loader is not None
    authors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(authors)
    vars(authors)["tqdm"] = lambda steps: steps
    torch.manual_seed(fold.seed)
    rng = np.random.default_rng(fold.seed)
    ends = fold.frames[fold.start_index : fold.start_index + 2]
    pairs = torch.stack([torch.from_numpy(x[rng.integers(len(x), size=PAIRS)]) for x in ends], dim=1)
    dim = pairs.shape[-1]
    net = partial(authors.ScoreNetwork, input_dim=dim + 1, layer_widths=[256, 256, dim], activation_fn=torch.nn.SiLU())
    model = authors.DSBM(net_fwd=net(), net_bwd=net(), num_steps=20, sig=1.0, first_coupling="ind")
    rounds = ROUNDS if fold.iterations == 1 else FEW
    steps = round(ROUNDS * STEPS * fold.iterations / rounds)
    previous = None
    for k in range(rounds):
        direction = "bf"[k % 2]
        model, _ = authors.train_dsbm(model, pairs, 128, steps, prev_model=previous, fb=direction, first_it=not k)
        previous = copy.deepcopy(model).eval()

    def predict() -> Array:
        path = model.sample_sde(zstart=torch.from_numpy(fold.start), N=100, fb="f")
        return path[round(100 * fold.share)].numpy()

    return predict


if __name__ == "__main__":
    run(train)
