"""TIGON by the authors' program (Sha et al. 2024).

    Version    commit 1ed92cfc of yutongo/TIGON
    Licence    MIT
    Install    git clone https://github.com/yutongo/TIGON      (--repository TIGON)
               pip install torch scipy matplotlib seaborn TorchDiffEqPack==1.0.1 torchdiffeq

Networks, loss and the fall of sigma are the authors'. Settings are the defaults of their program (create_args of
their module utility): 5,000 iterations, Adam 3e-3, weight decay 0.01, halved 400 and 200 iterations before the end,
100 points a time, four layers of 16, tanh, Dopri5. Times are positions, as on their lineage data (0, 1, 2). The density
of a time, a loop over its cells in their program, is computed for all cells at once here: the same numbers, sooner. A
predicted cell weighs what the growth along its trajectory makes of it.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import math
import random
import sys
from types import SimpleNamespace

import torch
from fold import Array, Fold, Predict, run

ITERATIONS = 5000


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    import utility
    from TorchDiffEqPack import odesolve

    utility.MultimodalGaussian_density = _density
    random.seed(fold.seed)
    torch.manual_seed(fold.seed)
    steps = round(ITERATIONS * fold.iterations)
    asked = SimpleNamespace(niters=steps, num_samples=100)
    cells, times = [torch.from_numpy(x) for x in fold.frames], [float(each) for each in fold.positions]
    func = utility.UOT(in_out_dim=fold.start.shape[1], hidden_dim=16, n_hiddens=4, activation="Tanh")
    func.apply(utility.initialize_weights)
    solver = {"method": "Dopri5", "h": None, "rtol": 1e-3, "atol": 1e-5, "print_neval": False}
    solver |= {"neval_max": 1_000_000, "safety": None}
    optimizer = torch.optim.Adam(func.parameters(), lr=3e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.MultiStepLR(optimizer, [steps - 400, steps - 200], gamma=0.5)
    mse, sigma = torch.nn.MSELoss(), 1
    for k in range(1, steps + 1):
        optimizer.zero_grad()
        loss, _, sigma, _, _ = utility.train_model(
            mse, func, asked, cells, range(len(cells)), times, sigma, solver, "cpu", k
        )
        loss.backward()
        optimizer.step()
        rate.step()

    def predict() -> tuple[Array, Array]:
        at, none = times[fold.start_index], torch.zeros(len(fold.start), 1)
        state = torch.from_numpy(fold.start), none, none
        x, growth, _ = odesolve(func, y0=state, options=solver | {"t0": at, "t1": at + 1})
        return x.detach().numpy(), growth.exp().flatten().detach().numpy()

    return predict


def _density(
    x: torch.Tensor, order: range, which: int, cells: list[torch.Tensor], variance: float, _device: str
) -> torch.Tensor:
    """Mean of the normal densities [points] around the cells of a time, in the place of the authors' function."""
    centres = cells[order[which]]
    squares = (x[:, None] - centres[None]).square().sum(dim=2)
    return (-squares / (2 * variance)).exp().mean(dim=1) / (2 * math.pi * variance) ** (x.shape[1] / 2)


if __name__ == "__main__":
    run(train)
