"""I-CFM, OT-CFM and [SF]2M by the authors' package torchcfm (Tong et al. 2024).

    Version    torchcfm 1.0.7; runner read at commit cacd4dc8 of atong01/conditional-flow-matching
    Licence    MIT
    Install    pip install torch pot && pip install --no-deps torchcfm==1.0.7

The flow matchers, their plans and the network are the package's. The loop around them follows the settings of the
authors' runner for single cells (runner/configs: model/cfm, otcfm; datamodule/eb_full; callbacks/default;
experiment/cfm): three layers of 64, SELU; AdamW, rate 1e-3, weight decay 1e-5; batches of 128 cells of each time, with
a plan for each batch and pair of times; 80 % of the cells for training, 10 % for validation; at most 1,000 epochs,
early stopping by the validation loss with patience 100, best weights kept; sigma 0.1, for [SF]2M 1 (paper, section
6) and plans of reg 2 sigma^2 replaced by exact ones; Euler, 100 steps for an interval. The held-out time is treated as
in the runner: the times around it are one pair, whose time runs twice as fast. The runner has no validation batch at
fewer than 1,280 cells a time; here all validation cells are one batch, and it takes no cell of the held-out time. An
epoch is 14 batches, as on the authors' 16,819 embryoid body cells, so that fewer cells do not mean fewer steps.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import torch
from fold import Array, Fold, Predict, run
from torchcfm import (
    ConditionalFlowMatcher,
    ExactOptimalTransportConditionalFlowMatcher,
    SchrodingerBridgeConditionalFlowMatcher,
)
from torchcfm.models import MLP

BATCH, EPOCHS, EPOCH, PATIENCE, EULER = 128, 1000, 14, 100, 100


def train(fold: Fold) -> Predict:
    np.random.seed(fold.seed)  # noqa: NPY002 - torchcfm draws its pairs from it
    torch.manual_seed(fold.seed)
    dim, stochastic = fold.start.shape[1], fold.method == "sf2m"
    matcher = {
        "i-cfm": lambda: ConditionalFlowMatcher(sigma=0.1),
        "ot-cfm": lambda: ExactOptimalTransportConditionalFlowMatcher(sigma=0.1),
        "sf2m": lambda: SchrodingerBridgeConditionalFlowMatcher(sigma=1.0, ot_method="exact"),
    }[fold.method]()
    velocity, score = MLP(dim=dim, time_varying=True, w=64), MLP(dim=dim, time_varying=True, w=64)
    nets = torch.nn.ModuleList([velocity, score] if stochastic else [velocity])
    optimizer = torch.optim.AdamW(nets.parameters(), lr=1e-3, weight_decay=1e-5)

    def loss(batches: list[torch.Tensor]) -> torch.Tensor:
        chosen = torch.randint(len(batches) - 1, (len(batches[0]),))
        parts = []
        for k, (x0, x1) in enumerate(pairwise(batches)):
            found = matcher.sample_location_and_conditional_flow(x0, x1, return_noise=True)
            share, x, u, noise = (each[chosen == k] for each in found)
            gap = fold.positions[k + 1] - fold.positions[k]
            place = torch.cat([x, fold.positions[k] + gap * share[:, None]], dim=1)
            part = (velocity(place) - u / gap).square()
            if stochastic:
                part = part + (matcher.compute_lambda(share)[:, None] * score(place) + noise).square()
            parts.append(part)
        return torch.cat(parts).mean()

    parts = [torch.from_numpy(each[np.random.permutation(len(each))]) for each in fold.frames]  # noqa: NPY002
    count = min(len(each) for each in parts)
    seen = [each[: int(0.8 * len(each))] for each in parts]
    validation = [each[int(0.8 * len(each)) :][: int(0.1 * count)] for each in parts]
    size = min(BATCH, int(0.8 * count))
    best, waited, kept = np.inf, 0, copy.deepcopy(nets.state_dict())
    for _ in range(EPOCHS):
        for _ in range(EPOCH):
            optimizer.zero_grad()
            loss([each[torch.randperm(len(each))[:size]] for each in seen]).backward()
            optimizer.step()
        with torch.no_grad():
            found = loss(validation).item()
        best, waited, kept = (found, 0, copy.deepcopy(nets.state_dict())) if found < best else (best, waited + 1, kept)
        if waited >= PATIENCE:
            break
    nets.load_state_dict(kept)

    def predict() -> Array:
        x, at = torch.from_numpy(fold.start), fold.positions[fold.start_index]
        with torch.no_grad():
            for step in range(EULER):
                place = torch.cat([x, torch.full((len(x), 1), at + step / EULER)], dim=1)
                drift = velocity(place)
                if stochastic:
                    drift = drift + fold.share * score(place)
                    x = x + matcher.sigma * (fold.share / EULER) ** 0.5 * torch.randn_like(x)
                x = x + drift / EULER
        return x.numpy()

    return predict


if __name__ == "__main__":
    run(train)
