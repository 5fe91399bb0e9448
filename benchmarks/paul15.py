"""Myeloid progenitors (Paul et al. 2015): do predicted knock-outs of Gata1 and of Spi1 do what they do in mice?

    python benchmarks/paul15.py --data paul15_2660x3004_counts.h5ad --models c-node,ot-cfm --seeds 0 --out FILE.json

Known (Nerlov & Graf 1998; Pevny et al. 1991; Scott et al. 1994): without Gata1 no red cells ripen, without Spi1 (PU.1,
here by its old name Sfpi1) no monocytes. Genes are the axes: the transcription factors below and the genes that vary
most, log counts per 10,000. No time was measured: ranks along the Slingshot lineage of a cell, which came with the
file, are cut into windows that stand for times, so this asks for the direction of an effect alone. Cells that start
are multipotent progenitors. For each knock-out:
change of the share of its fate, and its rank among the same of control genes (1 of 21: beyond every control). `drivers`
are all factors knocked out one after the other, those whose loss lowers a fate most first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import run_case

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.perturbations.screen import screen
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

NAMES = (
    "Gata1 Klf1 Sfpi1 Cebpa Cebpe Irf8 Gata2 Fli1 Tal1 Gfi1 Gfi1b Zfpm1 Runx1 Nfe2 Myb Lmo4 Id2 Stat3 Egr1 Fos Lmo2 "
    "Ldb1 Cited2 Meis1 Hoxa9 E2f4 Bcl11a Ikzf1 Etv6 Sox4 Mycn Myc Nfia Trim28"
)
FACTORS = NAMES.split()
FATES = {
    "erythroid": ("Erythrocyte", "Megakaryocytes"),
    "myeloid": ("GMP", "Monocytes", "Neutrophils", "Basophils"),
    "progenitor": ("Multipotent progenitors",),
}
KNOWN = {"Gata1": "erythroid", "Sfpi1": "myeloid"}
"""Gene -> the fate that is lost without it."""
DRIVERS = {"erythroid": ("Gata1", "Klf1"), "myeloid": ("Sfpi1", "Cebpa")}
START = ("fate", "progenitor")
VARIABLE, WINDOWS, TOP = 30, 5, 5


def read(path: Path) -> Snapshots:
    """Factors and the genes that vary most, in windows of the rank along each lineage."""
    import anndata

    cells = anndata.read_h5ad(path)
    counts = cells.to_df()
    logs = np.log1p(counts.div(counts.sum(axis=1), axis=0) * 1e4)
    factors = [each for each in FACTORS if each in logs]
    others = logs.drop(columns=factors).var().sort_values(ascending=False).index[:VARIABLE]
    logs = logs[[*factors, *others]]
    first = cells.obs["slingshot_weight_1"].to_numpy() >= cells.obs["slingshot_weight_2"].to_numpy()
    order = np.where(first, cells.obs["slingshot_pseudotime_1"], cells.obs["slingshot_pseudotime_2"])
    t = np.zeros(len(order))
    for lineage in (first, ~first):
        t[lineage] = np.floor(WINDOWS * order[lineage].argsort().argsort() / lineage.sum())
    kinds = cells.obs["celltype"].astype(str).to_numpy()
    fate = {kind: name for name, held in FATES.items() for kind in held}
    labels = {"fate": np.array([fate[each] for each in kinds])}
    return Snapshots(logs.to_numpy(np.float32), t, AffineSpace.of_genes(tuple(logs.columns)), labels=labels)


def rows_of(name: str, data: Snapshots, seed: int, preset: str) -> list[dict[str, Any]]:
    bare, settings = run_case.named(name)
    kind = registry.find(bare)
    model = registry.create(bare, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset(preset, kind), seed=seed)
    center = data.x - data.x.mean(axis=0)
    view = Embedding("pca", ("PC1", "PC2"), center @ np.linalg.svd(center, full_matrices=False)[2][:2].T, data.x)
    rows: list[dict[str, Any]] = []
    for gene, fate in KNOWN.items():
        found = perturbation(model, data, view, gene, states="fate", label=START, seed=seed)
        k = found.names.index(fate)
        controls = found.control_change[:, k]
        rank = 1 + int((controls <= found.change[k]).sum())
        rows.append({"gene": gene, "fate": fate, "before": float(found.before[k]), "change": float(found.change[k])})
        rows[-1] |= {"rank": rank, "of": len(controls) + 1, "lowest control": float(controls.min())}
        rows[-1] |= {"outside": float(found.outside)}
    factors = [each for each in data.space.genes if each in FACTORS]
    everything = screen(model, data, view, factors, states="fate", label=START, seed=seed)
    for fate in DRIVERS:
        change = np.nan_to_num(everything.change[:, everything.names.index(fate)])
        order = [factors[k] for k in np.argsort(change, kind="stable")]
        named = {each: order.index(each) + 1 for each in DRIVERS[fate]}
        rows.append({"fate": fate, "drivers": order[:TOP], "ranks": named, "of": len(factors)})
    return [{"model": name, "seed": seed, **row} for row in rows]


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        head = f"{row['model']:24} seed {row['seed']}  "
        if "gene" in row:
            lines.append(
                f"{head}without {row['gene']}: {row['fate']} {row['before']:.2f} {row['change']:+.2f}, rank "
                f"{row['rank']} of {row['of']} (lowest control {row['lowest control']:+.2f}), "
                f"outside {row['outside']:.2f}"
            )
        else:
            ranks = ", ".join(f"{gene} {rank}" for gene, rank in row["ranks"].items())
            lines.append(f"{head}{row['fate']} lost most without {', '.join(row['drivers'])}; {ranks} of {row['of']}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="c-node,ot-cfm")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    data, rows = read(asked.data), []
    print({str(t): {f: int((data.labels["fate"][data.t == t] == f).sum()) for f in FATES} for t in data.times})
    for name in asked.models.split(","):
        for seed in (int(each) for each in asked.seeds.split(",")):
            found = rows_of(name, data, seed, asked.preset)
            print(table(found), flush=True)
            rows += found
    if asked.out:
        made = {"date": machine.today(), "machine": machine.here(), "data": asked.data.name, "rows": rows}
        asked.out.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
