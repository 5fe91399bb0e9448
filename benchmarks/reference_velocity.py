"""Our veloVI beside VELOVI of scvi-tools: velocities and latent times of the same simulated cells.

    python -m venv VENV && VENV/bin/pip install "torch==2.13.0" "numpy<2.3" "scvi-tools==1.4.2"
    python benchmarks/reference_velocity.py --python VENV/bin/python --out FILE.json [--oracle FILE.npz]

The package runs in an environment of its own, with its defaults but no early stopping, so that both see every cell
--epochs times. Data: moments of the simulator "splicing" at one time, all genes. One row a seed:

    r         [ours, theirs]: mean over the genes of the Pearson correlation with the true ds/dt
    rho       [ours, theirs]: Spearman correlation of the mean time of the genes with the true latent time
    velocity  mean over the genes of the Pearson correlation of ours with theirs; latent_time: Spearman correlation
    gene_time median over the genes of the Spearman correlation of the times of a gene
    seconds   [ours, theirs]: CPU seconds of the training

--oracle stores their velocities and times of the first seed, which a test holds ours against.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

Array = np.ndarray
BATCH = 256
TRAINED = 0.9
"""Share of the cells that the package trains on; the others are its validation cells."""
DRAWS = 25
CELLS = 500
EPOCHS = 500


def computed_by_package(given: Path, out: Path) -> None:
    """Runs in the other environment: velocities and times [cells, genes] of RNA [cells, genes] in `given`."""
    import anndata
    import scvi  # pyright: ignore[reportMissingImports]
    import torch
    from scvi.external import VELOVI  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    held = dict(np.load(given))
    scvi.settings.seed = int(held["seed"])
    cells = anndata.AnnData(held["spliced"], layers={"Ms": scaled(held["spliced"]), "Mu": scaled(held["unspliced"])})
    VELOVI.setup_anndata(cells, spliced_layer="Ms", unspliced_layer="Mu")
    model, begun = VELOVI(cells), time.process_time()
    quiet = {"enable_progress_bar": False, "accelerator": "cpu"}
    model.train(max_epochs=int(held["epochs"]), early_stopping=False, train_size=TRAINED, batch_size=BATCH, **quiet)
    seconds = time.process_time() - begun
    velocity, times = (each(n_samples=DRAWS, return_numpy=True) for each in (model.get_velocity, model.get_latent_time))
    np.savez(out, velocity=velocity, times=times, seconds=seconds, version=scvi.__version__)


def scaled(rna: Array) -> Array:
    """0 in the cell with least RNA of a gene, 1 in that with most."""
    low, high = rna.min(axis=0), rna.max(axis=0)
    return ((rna - low) / np.where(high > low, high - low, 1)).astype(np.float32)


def simulated(seed: int, cells: int = CELLS) -> Any:
    """`Case` of the simulator: cells in their moments, true ds/dt and true latent time."""
    import velocity

    return velocity.case("splicing", seed, cells, "")


def ours(data: Any, seed: int, epochs: int = EPOCHS) -> dict[str, Array]:
    """ds/dt and times [cells, genes] of our model after as many epochs, and the CPU seconds of its training."""
    import torch

    from cellflow_core.analysis.rna_velocity.estimates import spliced_velocity
    from cellflow_core.models import registry
    from cellflow_core.train.trainer import TrainConfig, fit

    model, begun = registry.create("velovi", {}, data.spec, seed), time.process_time()
    steps = epochs * -(-int(TRAINED * len(data.x)) // BATCH)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=steps, batch_size=BATCH), seed=seed)
    seconds = time.process_time() - begun
    model.eval()
    with torch.no_grad():
        times = model.gene_times(torch.from_numpy(data.x)).numpy()  # type: ignore[operator]
    return {"velocity": spliced_velocity(model, data), "times": times, "seconds": np.array(seconds)}


def correlations(found: Array, other: Array) -> Array:
    """Pearson correlation over the cells, gene by gene; of genes that vary in both."""
    moving = (found.std(axis=0) > 0) & (other.std(axis=0) > 0)
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T[moving], other.T[moving], strict=True)])


def compared(known: Any, mine: dict[str, Array], theirs: dict[str, Array]) -> dict[str, Any]:
    """The figures of a row, without its seed."""
    from cellflow_core.analysis.rna_velocity.orders import spearman

    both = (mine, theirs)
    latent = [each["times"].mean(axis=1) for each in both]
    by_gene = [spearman(a, b) for a, b in zip(mine["times"].T, theirs["times"].T, strict=True)]
    return {
        "r": [float(correlations(each["velocity"], known.velocity).mean()) for each in both],
        "rho": [spearman(each, known.time) for each in latent],
        "velocity": float(correlations(mine["velocity"], theirs["velocity"]).mean()),
        "latent_time": spearman(*latent),
        "gene_time": float(np.nanmedian(by_gene)),
        "seconds": [float(each["seconds"]) for each in both],
    }


def by_package(python: str, data: Any, seed: int, epochs: int) -> dict[str, Array]:
    """What the package answers. Ends the program with its message where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "given.npz", Path(folder) / "found.npz"
        np.savez(asked, unspliced=data.unspliced, spliced=data.spliced, seed=seed, epochs=epochs)
        done = subprocess.run([python, __file__, "--compute", asked, answered], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return dict(np.load(answered))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="interpreter of the environment with scvi-tools")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--oracle", type=Path, help="where to store their answer to the first seed")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    import machine
    import torch

    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in map(int, use.seeds.split(",")):
        known = simulated(seed, use.cells)
        theirs = by_package(use.python, known.data, seed, use.epochs)
        if use.oracle is not None and not rows:
            kept: dict[str, Any] = {each: theirs[each].astype(np.float16) for each in ("velocity", "times")}
            np.savez_compressed(use.oracle, spliced=known.data.spliced[0], **kept)
        about = {"data": "splicing", "seed": seed, "cells": len(known.data.x), "genes": len(known.data.space.genes)}
        about |= {"epochs": use.epochs, "scvi-tools": str(theirs["version"])}
        rows.append(about | compared(known, ours(known.data, seed, use.epochs), theirs))
        print(json.dumps(rows[-1]), flush=True)
    text = json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1)
    use.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compute"]:
        computed_by_package(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
