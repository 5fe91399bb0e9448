"""MIOFlow by the authors' package (Huguet et al. 2022).

    Version    mioflow 0.1.14
    Licence    Yale, non-commercial: it may be run for a comparison, not copied or imported in this project
    Install    pip install mioflow==0.1.14

Settings are the package's defaults: 100 epochs of all cells of all intervals, exact transport cost, energy 0.01, no
density loss, no noise, hidden layers of 64, Adam 1e-3, dopri5. The flow runs on the coordinates of the table, which the
package offers beside its geodesic autoencoder (`gaga_model=None`), as ours is trained on them. The package numbers the
times it is given, so that the interval around the held-out time counts as one; the prediction is the state at its
share, from the measured cells of the time before.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import tempfile

import numpy as np
import torch
from fold import Array, Fold, Predict, run

EPOCHS = 100


def train(fold: Fold) -> Predict:
    import anndata
    from mioflow import MIOFlow
    from torchdiffeq import odeint

    torch.manual_seed(fold.seed)
    cells = anndata.AnnData(np.concatenate(fold.frames))
    cells.obsm["X_pca"] = cells.X
    cells.obs["time"] = np.repeat(fold.positions, [len(x) for x in fold.frames])
    with tempfile.TemporaryDirectory() as folder:
        flow = MIOFlow(
            cells,
            obs_time_key="time",
            n_epochs=round(EPOCHS * fold.iterations),
            use_cuda=False,
            exp_dir=folder,
            debug_level="error",
        ).fit()

    def predict() -> Array:
        start = torch.from_numpy(((fold.start - flow.mean_vals) / flow.std_vals).astype(np.float32))
        times = torch.tensor([fold.start_index, fold.start_index + fold.share])
        with torch.no_grad():
            end = torch.as_tensor(odeint(flow.ode_model, start, times)[-1])
        return end.numpy() * flow.std_vals + flow.mean_vals

    return predict


if __name__ == "__main__":
    run(train)
