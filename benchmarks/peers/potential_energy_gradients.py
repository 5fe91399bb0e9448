"""PRESCIENT by the authors' program (Yeo, Saksena and Gifford 2021).

    Version    commit 1cd76b43 of gifford-lab/prescient (0.1.0)
    Licence    MIT
    Install    git clone https://github.com/gifford-lab/prescient      (--repository prescient)
               pip install torch geomloss==0.3.1 scikit-learn tqdm

Pre-training, training, noise and simulation are the authors'. Settings of their interpolation of a time that is left
out (depr/scripts/weinreb-interpolate.sh, prescient.commands.train_model): two layers of 400, softplus;
500 epochs of pre-training; 2,500 epochs, Adam 0.005, gradient clipped at 0.1, a tenth of the cells as a batch, steps of
0.1 with noise 0.1, tau 1e-6; every cell weighs the same, as no growth is known here. The last weights predict, in ten
steps from the time before. NEGATIVES is the one number that is not theirs (2,000): the Langevin samples of a
regulariser that counts 1e-6 of the loss took most of the time. Where fewer epochs are made, it is fewer of both kinds.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch
from fold import Array, Fold, Predict, run

PRETRAIN, EPOCHS, NEGATIVES = 500, 2500, 100
SETTINGS = {
    "activation": "softplus",
    "layers": 2,
    "k_dim": 400,
    "pretrain_burnin": 50,
    "pretrain_sd": 0.1,
    "pretrain_lr": 1e-9,
    "train_dt": 0.1,
    "train_sd": 0.1,
    "train_burnin": 100,
    "train_tau": 1e-6,
    "train_lr": 0.005,
    "train_clip": 0.1,
    "sinkhorn_scaling": 0.7,
    "sinkhorn_blur": 0.1,
    "ns": NEGATIVES,
}


def train(fold: Fold) -> Predict:
    for name in ("prescient", "prescient.train"):  # without the commands around it, which need annoy and pyreadr
        package = ModuleType(name)
        package.__path__ = [str(Path(fold.repository, *name.split(".")))]
        sys.modules[name] = package
    from prescient.train.model import AutoGenerator
    from prescient.train.run import run as fit

    first, last = fold.positions[0], fold.positions[-1]
    cells = dict(zip(fold.positions, map(torch.from_numpy, fold.frames), strict=True))
    weights = {(first, each): torch.ones(len(cells[first])) for each in fold.positions[1:]}
    with tempfile.TemporaryDirectory() as folder:
        config = SimpleNamespace(
            **SETTINGS,
            x_dim=fold.start.shape[1],
            t=last - first,
            start_t=first,
            train_t=fold.positions[1:],
            train_batch=0.1,
            pretrain_epochs=round(PRETRAIN * fold.iterations),
            train_epochs=round(EPOCHS * fold.iterations),
            save=round(EPOCHS * fold.iterations),
            out_name="prescient",
            timestamp="",
            pretrain_pt=f"{folder}/pretrain.pt",
            train_pt=f"{folder}/train.{{}}.pt",
            train_log=f"{folder}/train.log",
            done_log=f"{folder}/done.log",
            config_pt=f"{folder}/config.pt",
        )
        asked = SimpleNamespace(seed=fold.seed, loss="euclidean", pretrain=True, train=True, train_batch=0.1, gpu=0)
        fit(asked, lambda _: (cells, list(range(last + 1)), weights, config))
        weights_at = Path(folder) / f"train.epoch_{config.train_epochs:06d}.pt"
        model = AutoGenerator(config)
        model.load_state_dict(torch.load(weights_at)["model_state_dict"])

    def predict() -> Array:
        x = torch.from_numpy(fold.start)
        for _ in range(round(1 / config.train_dt)):
            x = model._step(x, dt=config.train_dt, z=torch.randn_like(x) * config.train_sd).detach()
        return x.numpy()

    return predict


if __name__ == "__main__":
    run(train)
