"""OT-MFM by the authors' program (Kapusniak et al. 2024).

    Version    commit e44e03ec of kkapusniak/metric-flow-matching
    Licence    MIT
    Install    git clone https://github.com/kkapusniak/metric-flow-matching      (--repository metric-flow-matching)
               pip install torch pot && pip install --no-deps torchcfm==1.0.7

Networks, matcher and LAND metric are the authors'; the loop around them follows their trainers, which need packages for
images and a logging service. Settings of configs/single_cell/5dims/ot-mfm_eb.yaml and mfm.train.parsers: three
layers of 64, SELU, gamma 0.125, rho 0.001, alpha 2, sigma 0.1; batches of 128 cells of each time with exact plans; path
network Adam 1e-4, patience of 5 epochs, best weights; flow AdamW 1e-3, weight decay 1e-5, validated every 10 epochs,
patience 5, last weights; at most 1,000 epochs; 10 % of the cells, 128 at least, for validation; times evenly from 0 to
1; Euler, 100 steps. An epoch is 16 batches, as on the authors' 16,819 embryoid body cells, so that fewer cells do not
mean fewer steps.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from fold import Array, Fold, Predict, run
from torch import Tensor
from torchcfm.optimal_transport import OTPlanSampler

BATCH, EPOCHS, EPOCH, PATIENCE, EULER = 128, 1000, 16, 5, 100
GAMMA, RHO, ALPHA = 0.125, 0.001, 2


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    from mfm.flow_matchers.models.mfm import MetricFlowMatcher
    from mfm.geo_metrics.land import land_metric_tensor
    from mfm.networks.flow_networks.mlp import VelocityNet
    from mfm.networks.geopath_networks.mlp import GeoPathMLP

    np.random.seed(fold.seed)  # noqa: NPY002 - the plans draw their pairs from it
    torch.manual_seed(fold.seed)
    layers = {"hidden_dims": [64, 64, 64], "activation": "selu", "batch_norm": False}
    dim, last = fold.start.shape[1], fold.positions[-1]
    flow = VelocityNet(dim=dim, **layers)
    path = GeoPathMLP(input_dim=dim, time_geopath=True, **layers)
    matcher, plans = MetricFlowMatcher(geopath_net=path, sigma=0.1, alpha=1), OTPlanSampler(method="exact")
    frames = [torch.from_numpy(x)[torch.randperm(len(x))] for x in fold.frames]
    held = [max(len(x) - int(0.9 * len(x)), BATCH) for x in frames]
    seen = [x[: len(x) - count] for x, count in zip(frames, held, strict=True)]
    validation = [x[len(x) - count :] for x, count in zip(frames, held, strict=True)]
    few = min(map(len, frames))

    def pairs(cells: list[Tensor], geopath: bool) -> list[tuple[Tensor, Tensor, Tensor]]:
        found = []
        for k, (x0, x1) in enumerate(pairwise(cells)):
            x0, x1 = plans.sample_plan(x0[torch.randperm(len(x0))[:BATCH]], x1[torch.randperm(len(x1))[:BATCH]])
            ends = (fold.positions[k] / last, fold.positions[k + 1] / last)
            found.append(matcher.sample_location_and_conditional_flow(x0, x1, *ends, training_geopath_net=geopath))
        return found

    def length(cells: list[Tensor]) -> Tensor:
        near = [x[torch.randperm(len(x))[:few]] for x in frames]
        squares = [
            (u.square() * land_metric_tensor(x, torch.cat(near[k : k + 2]), GAMMA, RHO) ** ALPHA).sum(dim=-1)
            for k, (_, x, u) in enumerate(pairs(cells, geopath=True))
        ]
        return torch.cat(squares).mean()

    def regression(cells: list[Tensor]) -> Tensor:
        t, x, u = (torch.cat(each) for each in zip(*pairs(cells, geopath=False), strict=True))
        return (flow(t.detach()[:, None], x.detach()) - u.detach()).square().mean()

    with torch.no_grad():
        matcher.alpha = 0
        straight = float(np.mean([length(seen).item() for _ in range(EPOCH)]))
        matcher.alpha = 1
    optimizer = torch.optim.Adam(path.parameters(), lr=1e-4)
    path.load_state_dict(_fitted(path, lambda x: length(x) / straight, optimizer, seen, validation, every=1))
    _fitted(flow, regression, torch.optim.AdamW(flow.parameters(), 1e-3, weight_decay=1e-5), seen, validation, every=10)

    def predict() -> Array:
        x, start = torch.from_numpy(fold.start), fold.positions[fold.start_index]
        with torch.no_grad():
            for step in range(EULER):
                at = torch.tensor((start + step / EULER) / last)
                x = x + flow(at, x) / (EULER * last)
        return x.numpy()

    return predict


def _fitted(
    net: torch.nn.Module,
    loss: Callable[[list[Tensor]], Tensor],
    optimizer: torch.optim.Optimizer,
    seen: list[Tensor],
    validation: list[Tensor],
    every: int,
) -> dict[str, Tensor]:
    """Train until the loss on `validation`, every so many epochs, has not fallen PATIENCE times: the best weights."""
    best, waited, kept = np.inf, 0, copy.deepcopy(net.state_dict())
    for epoch in range(1, EPOCHS + 1):
        for _ in range(EPOCH):
            optimizer.zero_grad()
            loss(seen).backward()
            optimizer.step()
        if epoch % every:
            continue
        with torch.no_grad():
            found = loss(validation).item()
        best, waited, kept = (found, 0, copy.deepcopy(net.state_dict())) if found < best else (best, waited + 1, kept)
        if waited >= PATIENCE:
            break
    return kept


if __name__ == "__main__":
    run(train)
