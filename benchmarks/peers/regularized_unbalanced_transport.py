"""CytoBridge by the authors' program (Zhang et al. 2025), without interaction of cells: DeepRUOT.

    Version    CytoBridge 1.4; configs/ruot.yaml of commit 25ba91fd, whose CytoBridge.tl.analysis does not compile
    Licence    GPL 3.0: it may be run, not copied or imported in this project
    Install    git clone https://github.com/zhenyiizhang/CytoBridge      (--repository CytoBridge)
               pip install torch torchdiffeq pot scanpy scikit-learn pandas pyyaml tqdm geomloss
               pip install --no-deps CytoBridge==1.4

Networks, losses and the plan of training are the authors'. Settings are those of configs/ruot.yaml (velocity, growth
and score): 100 epochs of a neural ODE, 3,000 of flow matching of the score, 500 of both; batches of 256, sigma 0.05.
The interaction of cells is left out here and in ours. Times are positions. The prediction is their simulation of
velocity, score, growth and noise in steps of 0.01, each cell with the weight that growth makes.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
import yaml
from fold import Array, Fold, Predict, run


def train(fold: Fold) -> Predict:
    os.environ["MPLBACKEND"] = "agg"
    plots = ModuleType("CytoBridge.pl.plot")  # without its pictures, which need cellrank and scvelo
    vars(plots)["plot_interaction_potential_epoch"] = None
    sys.modules |= {"CytoBridge.pl": ModuleType("CytoBridge.pl"), "CytoBridge.pl.plot": plots}
    from CytoBridge.tl.analysis import simulate_trajectory
    from CytoBridge.tl.models import DynamicalModel
    from CytoBridge.tl.trainer import TrainingPipeline

    random.seed(fold.seed)
    np.random.seed(fold.seed)  # noqa: NPY002 - their pairs are drawn from it
    torch.manual_seed(fold.seed)
    config = yaml.safe_load((Path(fold.repository) / "CytoBridge" / "configs" / "ruot.yaml").read_text("utf-8"))
    for stage in config["training"]["plan"]:
        stage["epochs"] = round(stage["epochs"] * fold.iterations)
    cells, device = [torch.from_numpy(x) for x in fold.frames], torch.device("cpu")
    times = [float(each) for each in fold.positions]
    with tempfile.TemporaryDirectory() as folder:
        config["ckpt_dir"] = folder
        model = DynamicalModel(fold.start.shape[1], config["model"])
        model = TrainingPipeline(model, config, 256, device, data=cells).train(cells, times)

    def predict() -> tuple[Array, Array]:
        span, sigma = [times[fold.start_index], times[fold.start_index] + 1], config["training"]["defaults"]["sigma"]
        trained = SimpleNamespace(uns={"all_model": {"training_config": config["training"]}})
        x, weight = simulate_trajectory(trained, model, torch.from_numpy(fold.start), sigma, span, 0.01, device)
        return x[-1], weight[-1].flatten()

    return predict


if __name__ == "__main__":
    run(train)
