"""Are known equations found? Closed forms by `d-code` and `sindy`, and stable terms by `causal-kinetix`.

    python benchmarks/equations.py --seeds 10,11,12,13,14,15,16,17,18,19 --out FILE.json

Closed forms: fifty individuals follow one of three equations and are measured 100 times with Gaussian noise, given over
the standard deviation of each variable. A draw is recovered where every right-hand side has exactly the true terms; the
error is the largest one of a coefficient over its size, among draws that are recovered.

Stable terms: the Maillard reactions, each species in turn as the target whose reactions are never blocked. `rank` is
the worst rank of a true term among all products of up to two species, the best possible being their number; `by chance`
that of random orders, and `one environment` that of the same number of repetitions without any intervention.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.simulators.individuals.followed_equations import FollowedEquations
from cellflow_core.data.simulators.individuals.followed_equations import Settings as EquationSettings
from cellflow_core.data.simulators.individuals.maillard import ENVIRONMENT, SPECIES, Maillard
from cellflow_core.data.simulators.individuals.maillard import Settings as MaillardSettings
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

SETTINGS = {"gompertz": {"logarithms": True}, "selkov": {"degree": 3}, "lorenz": {}}
"""Terms that are tried, as many as the equation needs."""
NOISES = (0.02, 0.05, 0.1, 0.2)
ENVIRONMENTS = 5


def trained(name: str, data: Any, settings: dict[str, Any]) -> Any:
    model = registry.create(name, settings, data.spec, 0)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    return model


def closed_form(model_name: str, equation: str, noise: float, seed: int) -> dict[str, Any]:
    simulator = FollowedEquations(EquationSettings.from_dict({"equation": equation, "noise": noise, "seed": seed}))
    data, begin = simulator.simulate(), time.process_time()
    model = trained(model_name, data, SETTINGS[equation])
    names = [each.replace("²", "^2") for each in model.terms.names(data.space.genes)]
    found = [{n: v for n, v in zip(names, row, strict=True) if v} for row in model.coefficients.tolist()]
    recovered = all(set(a) == set(b) for a, b in zip(found, simulator.equations(), strict=True))
    errors = [abs(a[n] / b[n] - 1) for a, b in zip(found, simulator.equations(), strict=True) for n in b if recovered]
    row = {"model": model_name, "equation": equation, "noise": noise, "seed": seed, "recovered": recovered}
    return row | {"error": max(errors, default=None), "seconds": time.process_time() - begin}


def stable_terms(target: int, environments: int, seed: int) -> dict[str, Any]:
    """With as many repetitions in all, whatever the number of environments."""
    use = MaillardSettings(target=target, environments=environments, seed=seed, repetitions=15 // environments)
    simulator = Maillard(use)
    true = [" ".join(sorted(each, key=SPECIES.index)) for each in simulator.true_terms(SPECIES[target - 1])]
    begin = time.process_time()
    settings = {"environment": ENVIRONMENT if environments > 1 else "", "expected_terms": len(true)}
    model = trained("causal-kinetix", simulator.simulate(), settings)
    support = model.support[target - 1].numpy()
    names = model.terms.names(SPECIES)
    rank = max(1 + int((support > support[names.index(each)]).sum()) for each in true)
    found = {"target": SPECIES[target - 1], "environments": environments, "seed": seed, "rank": rank, "best": len(true)}
    return found | {"terms": len(names), "seconds": time.process_time() - begin}


def table(forms: Sequence[dict[str, Any]], ranks: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'model':8}{'equation':12}{'noise':>7}{'recovered':>12}{'largest error':>15}{'seconds':>9}"]
    kinds = ("model", "equation", "noise")
    for model, equation, noise in dict.fromkeys(tuple(row[each] for each in kinds) for row in forms):
        own = [row for row in forms if tuple(row[each] for each in kinds) == (model, equation, noise)]
        errors = [row["error"] for row in own if row["recovered"]]
        share = f"{len(errors)} of {len(own)}"
        worst = f"{max(errors):.2f}" if errors else "-"
        lines.append(
            f"{model:8}{equation:12}{noise:7.2f}{share:>12}{worst:>15}{np.mean([r['seconds'] for r in own]):9.1f}"
        )
    heads = "".join(f"{'rank, ' + str(k):>12}" for k in _counts(ranks))
    lines.append(f"\n{'target':14}{'best':>5}{'by chance':>11}{heads}")
    for target in dict.fromkeys(row["target"] for row in ranks):
        own = [row for row in ranks if row["target"] == target]
        best, terms = own[0]["best"], own[0]["terms"]
        cells = "".join(
            f"{np.median([row['rank'] for row in own if row['environments'] == k]):12.1f}" for k in _counts(ranks)
        )
        lines.append(f"{target:14}{best:5}{best * (terms + 1) / (best + 1):11.1f}{cells}")
    for k in _counts(ranks):
        own = [row for row in ranks if row["environments"] == k]
        perfect = sum(row["rank"] <= row["best"] for row in own)
        lines.append(f"{k} environments: all true terms first in {perfect} of {len(own)} draws")
    return "\n".join(lines)


def _counts(ranks: Sequence[dict[str, Any]]) -> list[int]:
    return list(dict.fromkeys(row["environments"] for row in ranks))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="10", help="draws of the simulators")
    parser.add_argument("--models", default="d-code,sindy", help="models of the closed forms")
    parser.add_argument("--targets", default=",".join(str(k + 1) for k in range(len(SPECIES))))
    parser.add_argument("--noises", default=",".join(map(str, NOISES)))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    seeds, targets = ([int(each) for each in text.split(",") if each] for text in (asked.seeds, asked.targets))
    noises = [float(each) for each in asked.noises.split(",") if each]
    models = [each for each in asked.models.split(",") if each]
    forms = [
        closed_form(m, each, noise, seed) for m in models for each in SETTINGS for noise in noises for seed in seeds
    ]
    print(table(forms, ()), flush=True)
    ranks = [stable_terms(each, k, seed) for k in (ENVIRONMENTS, 1) for each in targets for seed in seeds]
    print(table(forms, ranks))
    if asked.out:
        found = {"date": machine.today(), "machine": machine.here(), "closed forms": forms, "stable terms": ranks}
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
