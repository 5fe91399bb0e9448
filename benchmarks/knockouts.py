"""Predicted knock-outs against measured ones: each target of a perturbation screen left out in turn.

    python benchmarks/knockouts.py --data dixit2016_bmdc_tf24.h5ad --out FILE.json

FILE holds cells in rows, genes in columns (the perturbed ones among them), a column `perturbation` with the target of
each cell, and control cells named `control`. A prediction may use the control cells and the other knock-outs, never the
one that is left out; the gene that is knocked out is in no score. Rows:

  no change           the control cells
  mean response       mean change over the other knock-outs
  one gene            the regression of every gene on the one that is knocked out, over the control cells
  linear-grn          the linear network of the control cells; `linear-grn, all`: of these and all other knock-outs
  cellbox             trained on the control cells and the other knock-outs
  half against half   the change in one half of the target's cells, as a prediction of the other: what a repeat reaches

Knock-outs of one guide often leave the RNA of their own gene as it is: a model is asked for a loss, level 0.

Scores `R2`, `sign` and `discrimination` are those of cellflow_core/analysis/perturbations/knock_out_scores.py, which
the page Perturb shows too. `s`: (R2 - that of the mean response) / (that of half against half - that of the mean
response).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.analysis.perturbations.knock_out_scores import KnockOuts
from cellflow_core.analysis.results.knock_outs import HALVES, SCORES
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
CONTROL = "control"


def read(path: Path) -> KnockOuts:
    import anndata

    cells = anndata.read_h5ad(path)
    target = cells.obs["perturbation"].astype(str).to_numpy()
    return KnockOuts(cells.to_df().to_numpy(np.float64), cells.var_names.tolist(), target, CONTROL)


def no_change(screen: KnockOuts, target: str, seed: int) -> Array:
    return np.zeros(len(screen.genes))


def mean_response(screen: KnockOuts, target: str, seed: int) -> Array:
    return screen.mean_response(target)


def one_gene(screen: KnockOuts, target: str, seed: int) -> Array:
    k = screen.genes.index(target)
    centered = screen.control - screen.control.mean(axis=0)
    return -screen.control[:, k].mean() * (centered.T @ centered[:, k]) / max((centered[:, k] ** 2).sum(), 1e-12)


def linear(screen: KnockOuts, target: str, seed: int, everything: bool = False) -> Array:
    """The mean shift of the control cells where the gene is held at 0."""
    used = screen.target != target if everything else screen.target == CONTROL
    model = trained("linear-grn", snapshots(screen, used), seed)
    shift = model.response(torch.from_numpy(screen.control).float(), {target: 0.0})
    return shift.mean(dim=0).numpy().astype(float)


def cellbox(screen: KnockOuts, target: str, seed: int) -> Array:
    """The steady response to a perturbation of the strength that the others had."""
    data = snapshots(screen, screen.target != target, [*screen.others(target), target])
    model = trained("cellbox", data, seed)
    with torch.no_grad():
        return model.response({target: 1.0}).numpy().astype(float) - screen.control.mean(axis=0)


def snapshots(screen: KnockOuts, used: Array, design: Sequence[str] = ()) -> Snapshots:
    given = {each: (screen.target[used] == each).astype(float) for each in design}
    about = {"perturbation": given} if given else {}
    return Snapshots(screen.x[used].astype(np.float32), None, AffineSpace.of_genes(tuple(screen.genes)), channels=about)


def trained(name: str, data: Snapshots, seed: int) -> Any:
    kind = registry.find(name)
    model = registry.create(name, {}, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", kind), seed=seed)
    return model


ROWS: dict[str, Callable[[KnockOuts, str, int], Array]] = {
    "no change": no_change,
    "mean response": mean_response,
    "one gene": one_gene,
    "linear-grn": linear,
    "linear-grn, all": lambda screen, target, seed: linear(screen, target, seed, everything=True),
    "cellbox": cellbox,
}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", default=",".join(ROWS), help="rows, with semicolons between")
    parser.add_argument("--seeds", default="0,1,2", help="of models and of halves")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    screen, seeds = read(asked.data), [int(each) for each in asked.seeds.split(",")]
    names = list(ROWS) if asked.rows == parser.get_default("rows") else asked.rows.split(";")
    rows = []
    for name in (*names, HALVES):
        for target in screen.targets:
            for seed in seeds:
                found = screen.halves(target, seed) if name == HALVES else None
                found = found or screen.scores(target, ROWS[name](screen, target, seed))
                rows.append({"row": name, "target": target, "seed": seed} | found)
    print(table(rows))
    made = {"date": machine.today(), "machine": machine.here(), "data": asked.data.name, "rows": rows}
    if asked.out:
        asked.out.write_text(json.dumps(made, indent=1) + "\n")
    return made


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Mean over targets and seeds, the range over targets in brackets."""
    names = list(dict.fromkeys(row["row"] for row in rows))
    means = {name: _means([row for row in rows if row["row"] == name]) for name in names}
    trivial, best = (means[name]["R2"][0] if name in means else np.nan for name in ("mean response", HALVES))
    lines = [f"{'':20}" + "".join(f"{each:>26}" for each in SCORES) + f"{'s':>8}"]
    for name, found in means.items():
        cells = "".join(f"{f'{mean:.2f} ({low:.2f} to {high:.2f})':>26}" for mean, low, high in found.values())
        lines.append(f"{name:20}{cells}{(found['R2'][0] - trivial) / (best - trivial):8.2f}")
    return "\n".join(lines)


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float, float]]:
    found = {}
    for score in SCORES:
        of = [[r[score] for r in rows if r["target"] == each] for each in dict.fromkeys(r["target"] for r in rows)]
        values = [float(np.mean(known)) for each in of if (known := [value for value in each if value == value])]
        found[score] = (float(np.mean(values)), min(values), max(values)) if values else (np.nan,) * 3
    return found


if __name__ == "__main__":
    main()
