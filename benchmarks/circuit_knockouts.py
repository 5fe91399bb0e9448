"""How near predicted knock-outs come to those of a circuit whose equations are known: markers included.

    python benchmarks/circuit_knockouts.py --circuits krumsiek,toggle --models ot-cfm,c-node --seeds 0,1 --out FILE.json

Each gene of the circuit is held at 0 from the first time on, in the circuit itself and in a model that was trained on
snapshots of it. The error of a gene is the largest one of the change of any fate's share. `no change` is the answer
that nothing happens. `drivers` are genes whose loss changes a share by 0.05 or more in the circuit, `others` the rest,
which a model should leave without an effect. `six-gene` is the six-gene circuit at several times with a read-out gene
(six_gene_fates.py), to be read with --rule: the genes that decide there move less than those that follow. Settings of a
model can be chosen on `three-genes` and `ring` (setting_circuits.py), with --rule too: no model is judged on them. A
circuit or a model may have settings, as in krumsiek:n_times=21 and phoenix:prior=soft+truth, where `+truth` gives the
cells the true network. Rows of other circuits, models and seeds that the file holds are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table
import run_case
import setting_circuits
from six_gene_fates import SixGeneFates

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.perturbations.effects import MeasuredCloud
from cellflow_core.analysis.perturbations.screen import screen
from cellflow_core.analysis.results.perturbation import ELSEWHERE
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.network import network_of
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

LABEL = "true fate"
DRIVES = 0.05
"""Change of a share in the circuit from which a gene is a driver."""


def true_changes(circuit: Any) -> dict[str, dict[str, float]]:
    """Change of the share of each fate where each gene is held at 0."""
    plain = circuit.fate_shares()
    held = {gene: circuit.fate_shares(clamp={gene: 0.0}) for gene in circuit.axes}
    return {gene: {fate: found[fate] - plain[fate] for fate in plain} for gene, found in held.items()}


def predicted(
    name: str, data: Snapshots, seed: int, preset: str, circuit: Any = None
) -> tuple[dict[str, dict[str, float]], float]:
    """(change of the share of each fate by the loss of each gene, share of the genes whose cells leave the data).

    circuit  whose rule says which fate a cell has; None: its nearest measured cells do, as on the page Perturb
    """
    name, settings = run_case.named(name)
    kind = registry.find(name)
    model = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset(preset, kind), seed=seed)
    if circuit is not None:
        return by_rule(model, data, circuit, seed)
    center = data.x - data.x.mean(axis=0)
    view = Embedding("pca", ("PC1", "PC2"), center @ np.linalg.svd(center, full_matrices=False)[2][:2].T, data.x)
    found = screen(model, data, view, data.space.genes, states=LABEL, seed=seed)
    changes = {
        gene: dict(zip(found.names, np.nan_to_num(change).tolist(), strict=True))
        for gene, change in zip(found.genes, found.change, strict=True)
    }
    return changes, float(np.nanmean(found.outside > 0.2))


def by_rule(model: Any, data: Snapshots, circuit: Any, seed: int) -> tuple[dict[str, dict[str, float]], float]:
    """The same of 600 cells of the first time, whose fates are told by the circuit."""
    start, cloud = np.resize(data.x[data.t == data.times[0]], (600, data.dim)), MeasuredCloud(data.x)
    times = tuple(map(float, data.times))

    def followed(moved: Any) -> tuple[dict[str, float], float]:
        ends = simulate(moved, start, times, seed=seed).x[-1]
        reached = circuit.fate_of(ends)
        return {fate: float((reached == fate).mean()) for fate in circuit.fates}, cloud.outside(ends[None])

    plain, _ = followed(model)
    lost = {gene: followed(clamped(model, data, {gene: 0.0})) for gene in circuit.axes}
    changes = {
        gene: {fate: share - plain[fate] for fate, share in shares.items()} for gene, (shares, _) in lost.items()
    }
    return changes, float(np.mean([far > 0.2 for _, far in lost.values()]))


def errors(truth: dict[str, dict[str, float]], found: dict[str, dict[str, float]], none: str) -> dict[str, float]:
    """Of each gene, the largest error of the change of any share.

    none  the circuit's name for cells of no fate, which a model may put elsewhere instead
    """

    def merged(changes: dict[str, float]) -> dict[str, float]:
        rest = changes.get(none, 0.0) + changes.get(ELSEWHERE, 0.0)
        return {fate: change for fate, change in changes.items() if fate != ELSEWHERE} | {none: rest}

    both = {gene: (merged(changes), merged(found[gene])) for gene, changes in truth.items()}
    return {gene: max(abs(b.get(fate, 0.0) - a[fate]) for fate in a) for gene, (a, b) in both.items()}


def rows_of(
    circuit_name: str, names: Sequence[str], seeds: Sequence[int], preset: str, rule: bool
) -> Iterator[dict[str, Any]]:
    """One row a model and seed; `no change` first."""
    circuit = created(circuit_name)
    data, truth = circuit.simulate(), true_changes(circuit)
    drivers = [gene for gene, each in truth.items() if max(map(abs, each.values())) >= DRIVES]
    still = {gene: dict.fromkeys(each, 0.0) for gene, each in truth.items()}
    yield _row(circuit_name, "no change", 0, errors(truth, still, circuit.fates[-1]), drivers, 0.0)
    for name in names:
        bare, plus, _ = name.partition("+")
        cells = dataclasses.replace(data, network=network_of(circuit)) if plus else data
        for seed in seeds:
            found, outside = predicted(bare, cells, seed, preset, circuit if rule else None)
            yield _row(circuit_name, name, seed, errors(truth, found, circuit.fates[-1]), drivers, outside)


def created(text: str) -> Any:
    """The circuit of "name" or "name:setting=value,setting=value"."""
    name, _, given = text.partition(":")
    pairs = (each.split("=") for each in given.split(",") if each)
    settings = {key: float(value) if "." in value else int(value) for key, value in pairs}
    if name == "six-gene":
        return SixGeneFates(SixGeneFates.Config.from_dict(settings))
    if name in setting_circuits.CIRCUITS:
        kind, own = setting_circuits.CIRCUITS[name]
        return kind(kind.Config.from_dict({**own, **settings}))
    return simulators.create(name, settings)


def _row(
    circuit: str, model: str, seed: int, found: dict[str, float], drivers: Sequence[str], outside: float
) -> dict[str, Any]:
    others = [gene for gene in found if gene not in drivers]
    means = {
        kind: round(float(np.mean([found[gene] for gene in genes])), 3) if genes else None
        for kind, genes in (("drivers", drivers), ("others", others))
    }
    return {
        "circuit": circuit,
        "model": model,
        "seed": seed,
        **means,
        "largest": round(max(found.values()), 3),
        "outside": round(outside, 2),
        "genes": {gene: round(each, 3) for gene, each in found.items()},
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Mean over the seeds, with their standard deviation; of several circuits also the mean of those of all genes."""
    lines = [f"{'circuit':20}{'model':28}{'drivers':>16}{'others':>16}{'largest':>10}{'outside':>9}  seeds"]
    for circuit, model in dict.fromkeys((row["circuit"], row["model"]) for row in rows):
        own = [row for row in rows if (row["circuit"], row["model"]) == (circuit, model)]

        def spread(kind: str, own: Sequence[dict[str, Any]] = own) -> str:
            values = [row[kind] for row in own if row[kind] is not None]
            return f"{np.mean(values):.3f} ± {np.std(values):.3f}" if values else "-"

        largest, outside = (np.mean([row[each] for row in own]) for each in ("largest", "outside"))
        lines.append(
            f"{circuit:20}{model:28}{spread('drivers'):>16}{spread('others'):>16}{largest:10.3f}{outside:9.2f}{len(own):7}"
        )
    circuits = {row["circuit"] for row in rows}
    for model in dict.fromkeys(row["model"] for row in rows if len(circuits) > 1):
        of_genes = [
            np.mean([[*row["genes"].values()] for row in rows if (row["circuit"], row["model"]) == (each, model)])
            for each in circuits
        ]
        lines.append(f"{'mean over circuits':20}{model:28}{np.mean(of_genes):16.3f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circuits", default="krumsiek")
    parser.add_argument("--models", default="ot-cfm,c-node")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--rule", action="store_true", help="fates by the circuit's own rule, not as on the page")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    names, seeds = asked.models.split(","), [int(each) for each in asked.seeds.split(",")]
    circuits = asked.circuits.split(",")
    made: dict[str, Any] = {"date": machine.today(), "machine": machine.here()}
    made |= {"preset": asked.preset, "rule": asked.rule}
    again = {(c, n, k) for c in circuits for n, k in [("no change", 0), *itertools.product(names, seeds)]}
    earlier = resumable_table.earlier(
        asked.out, made, ("preset", "rule"), lambda row: (row["circuit"], row["model"], row["seed"]) in again
    )
    resumable_table.other_machine(asked.out, made)
    made["rows"] = earlier
    for each in circuits:
        for row in rows_of(each, names, seeds, asked.preset, asked.rule):
            made["rows"].append(row)
            print(json.dumps({k: v for k, v in row.items() if k != "genes"}), flush=True)
            resumable_table.write(asked.out, made)
    print(table(made["rows"]))


if __name__ == "__main__":
    main()
