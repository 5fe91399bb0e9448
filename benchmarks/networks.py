"""How well networks are found on the six-gene circuit: AUROC of the ten true edges beside correlations.

    python benchmarks/networks.py --models rna-ode --draws 10 --out FILE.json

The models see spliced RNA and its true velocity, without noise of measurement: what they miss is not the velocity's
fault. Edges are ranked by the size of the influence, self-influences left out; `signs` is the share of true edges with
the right sign. Beside them the absolute Pearson correlation of two genes, and of a gene with the velocity of another.
One row a model and draw, each of other rates and another path; medians are printed at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import machine
import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.simulators.transcription.six_gene_circuit import Settings, SixGeneCircuit
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import HasNetwork
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray


def network(name: str, data: Snapshots, seed: int) -> Array:
    """Signed influence, targets in rows, by a model with the settings that give it a network."""
    kind = registry.find(name)
    key, values = kind.conditional_capabilities.get("network", ("", ()))
    model = registry.create(name, {key: values[0]} if values else {}, data.spec, seed)
    if not isinstance(model, HasNetwork):
        raise SystemExit(f"{name} infers no network: name models that do")
    fit(model, data, TrainConfig.preset("standard", kind), seed=seed)
    return model.network().detach().numpy()


def estimates(data: Snapshots, names: Sequence[str], seed: int) -> Iterator[tuple[str, Array]]:
    """Each name and its influences, correlations first."""
    dim, velocity = data.dim, data.velocity
    assert velocity is not None
    both = np.corrcoef(np.concatenate([velocity, data.x], axis=1).T)
    yield "correlation", both[dim:, dim:]
    yield "correlation with the velocity", both[:dim, dim:]
    for name in names:
        yield name, network(name, data, seed)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="rna-ode")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    scores: dict[str, list[tuple[float, float]]] = {}
    for draw in range(asked.draws):
        circuit = SixGeneCircuit(Settings(seed=draw))
        truth = circuit.network()
        off = ~np.eye(len(truth), dtype=bool)
        true = truth[off] != 0
        for name, found in estimates(circuit.simulate(), asked.models.split(","), draw):
            auroc = float(roc_auc_score(true, np.abs(found)[off]))
            signs = float((np.sign(found) == truth)[off][true].mean())
            scores.setdefault(name, []).append((auroc, signs))
            rows.append({"model": name, "draw": draw, "auroc": round(auroc, 3), "signs": round(signs, 2)})
            print(json.dumps(rows[-1]), flush=True)
    for name, found in scores.items():
        auroc, signs = np.median(found, axis=0)
        print(f"{name}: median AUROC {auroc:.2f}, signs {signs:.2f}")
    if asked.out:
        asked.out.write_text(json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
