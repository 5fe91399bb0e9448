"""TrajectoryNet by the authors' program (Tong et al. 2020).

    Version    commit 810c89b0 of KrishnaswamyLab/TrajectoryNet (0.2.4)
    Licence    Yale, non-commercial: it may be run for a comparison, not copied or imported in this project
    Install    git clone https://github.com/KrishnaswamyLab/TrajectoryNet      (--repository TrajectoryNet)
               pip install torch torchdiffeq==0.0.1 scikit-learn scipy matplotlib pot scprep phate six

Flow, likelihood and solver are the authors'. Settings are the defaults of their program (TrajectoryNet.parse):
10,000 iterations, Adam 1e-3, weight decay 1e-5, 1,000 cells of each time with noise 0.1, concatsquash layers of
64-64-64, dopri5 at 1e-5, brute-force divergence, no growth, no penalty on energy or velocity. The held-out time is left
out as they do it: it has no weight in the loss; cells of the time before stand in its place. The last weights predict.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import sys

import numpy as np
import torch
from fold import Array, Fold, Predict, run

ITERATIONS = 10_000


def train(fold: Fold) -> Predict:
    sys.path.insert(0, fold.repository)
    from TrajectoryNet.dataset import SCData
    from TrajectoryNet.main import compute_loss
    from TrajectoryNet.parse import parser
    from TrajectoryNet.train_misc import build_model_tabular

    out = fold.positions[fold.start_index] + 1
    cells = dict(zip(fold.positions, fold.frames, strict=True)) | {out: fold.frames[fold.start_index]}
    labels = np.repeat(sorted(cells), [len(cells[each]) for each in sorted(cells)])

    class Cells(SCData):
        def get_data(self) -> Array:
            return np.concatenate([cells[each] for each in sorted(cells)])

        def sample_index(self, n: int, label: int) -> Array:
            return rng.choice(np.flatnonzero(labels == label), size=n)

    rng = np.random.default_rng(fold.seed)
    np.random.seed(fold.seed)  # noqa: NPY002 - their noise is drawn from it
    torch.manual_seed(fold.seed)
    asked = parser.parse_args(["--leaveout_timepoint", str(out), "--use_cpu"])
    asked.data, asked.timepoints = Cells(), np.array(sorted(cells))
    asked.int_tps = (np.arange(len(cells)) + 1.0) * asked.time_scale
    model = build_model_tabular(asked, fold.start.shape[1], ())
    optimizer = torch.optim.Adam(model.parameters(), lr=asked.lr, weight_decay=asked.weight_decay)
    for _ in range(round(ITERATIONS * fold.iterations)):
        optimizer.zero_grad()
        compute_loss("cpu", asked, model, None, None, None).backward()
        optimizer.step()

    def predict() -> Array:
        model.eval()
        span = torch.tensor([out * asked.time_scale, (out + 1) * asked.time_scale])
        with torch.no_grad():
            return model(torch.from_numpy(fold.start), integration_times=span, reverse=True).numpy()

    return predict


if __name__ == "__main__":
    run(train)
