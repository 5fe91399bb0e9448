"""How well gene networks are found where they are known, beside correlations, a random order and other seeds.

    python benchmarks/networks.py --models all --data all --seeds 0,1,2 --out FILE.json
    python benchmarks/networks.py --models c-node:motion=times --data GSD,six-gene --draws 3 --out FILE.json
    python benchmarks/networks.py --show FILE.json      tables of the means

--data: the curated (GSD, HSC, mCAD, VSC) and synthetic (BF, LI, CY, TF) sets of BEELINE at windows of the simulation
time (or of the given pseudotime: --order pseudotime), DREAM4 with 100 genes as series and as steady states with all
knock-outs, mES and MEF with known edges between their factors, and draws of Krumsiek's simulator (other cells) and of
the six-gene circuit (other rates; spliced RNA with its true velocity). A model is fitted to what a set has: its times,
its followed series or its velocities; one that needs what a set lacks is left out of it with a sentence. --models all:
every model that gives a network, with the settings that give it one. Scores are those of `math.network_scores`.

Trivial rows: `random`, of a hundred orders; the correlation of a gene with the velocity of another; and, where every
gene was knocked out, how far the knock-out moves a gene (what inference that uses the interventions has to beat). One
row a set and model with the scores of every seed, and the overlap (Jaccard) of the largest edges, as many as are true,
of two seeds. Rows of other sets and models that the file holds are kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

import network_cases
import resumable_table
import run_case

from cellflow_core.config import unavailable_capabilities
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.network_scores import edge_overlap, network_scores
from cellflow_core.models import registry
from cellflow_core.models.contract import HasNetwork
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
RANDOM_ORDERS = 100
COMPARED = 10
"""Most seeds whose overlap is taken."""
FILES = Path(__file__).parents[2] / "shared" / "data"
SCORES = ("auprc_over_random", "auroc", "early_precision_over_random", "signs")


def random_order(data: Snapshots, rng: np.random.Generator) -> Array:
    return rng.normal(size=(data.dim, data.dim))


def velocity_correlation(data: Snapshots, rng: np.random.Generator) -> Array | None:
    if data.velocity is None:
        return None
    return np.corrcoef(np.concatenate([data.velocity, data.x], axis=1).T)[: data.dim, data.dim :]


def knock_out_difference(data: Snapshots, rng: np.random.Generator) -> Array | None:
    """Level in the knock-out of a gene minus the mean of all conditions, in standard deviations; below 0: activated."""
    genes = data.space.genes
    if any(each not in data.perturbation for each in genes):
        return None
    knocked = np.stack([data.x[data.perturbation[each] == 1].mean(axis=0) for each in genes], axis=1)
    return -(knocked - data.x.mean(axis=0)[:, None]) / data.x.std(axis=0)[:, None]


TRIVIAL: Mapping[str, Callable[[Snapshots, np.random.Generator], Array | None]] = {
    "random": random_order,
    "correlation with the velocity": velocity_correlation,
    "difference in the knock-out": knock_out_difference,
}


def every_model() -> list[str]:
    """The trivial rows, and every model that may give a network and is installed."""
    kinds = [(name, registry.find(name)) for name in registry.names()]
    return [*TRIVIAL, *(name for name, kind in kinds if issubclass(kind, HasNetwork) and kind.installed())]


def settings_of(label: str, motion: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of "name:setting=value", with those that give a network and fit what the data have."""
    name, settings = run_case.named(label)
    kind = registry.find(name)
    if not issubclass(kind, HasNetwork):
        raise SystemExit(f"{name} infers no network: name models that do")
    if motion and "motion" in {each.name for each in kind.Config.settings()}:
        settings.setdefault("motion", motion)
    wanted = kind.Config.from_dict(settings).as_dict()
    if "network" in unavailable_capabilities(kind.conditional_capabilities, wanted):
        key, values = kind.conditional_capabilities["network"]
        settings[key] = values[0]
    return name, settings


def inferred(label: str, case: network_cases.Case, seed: int, steps: int) -> Array | str:
    """Signed influences, targets in rows, or why there are none."""
    if label in TRIVIAL:
        found = TRIVIAL[label](case.data, np.random.default_rng(seed))
        return "the data have nothing to take it from" if found is None else found
    name, settings = settings_of(label, case.motion)
    kind = registry.find(name)
    if missing := kind.missing_data(kind.Config.from_dict(settings), case.data.has):
        return missing
    model = registry.create(name, settings, case.data.spec, seed)
    fit(model, case.data, TrainConfig.preset("standard", kind, **({"steps": steps} if steps else {})), seed=seed)
    assert isinstance(model, HasNetwork)
    return model.network().detach().numpy().astype(float)


def row(label: str, name: str, case: network_cases.Case, seeds: Sequence[int], steps: int) -> dict[str, Any]:
    """Scores of every seed, and how alike the seeds are; or the sentence why there are none."""
    found, cpu = [], []
    seeds = range(RANDOM_ORDERS) if label == "random" else seeds
    for seed in seeds:
        begun = time.process_time()
        one = inferred(label, case, seed, steps)
        if isinstance(one, str):
            return {"data": name, "model": label, "left_out": one}
        found.append(one)
        cpu.append(round(time.process_time() - begun, 2))
    scores = [network_scores(each, case.truth, case.candidates) for each in found]
    pairs = itertools.combinations(found[:COMPARED], 2)
    overlap = [edge_overlap(a, b, scores[0].edges, case.candidates) for a, b in pairs]
    about: dict[str, Any] = {"data": name, "model": label, "seeds": list(seeds)}
    about |= {"edges": scores[0].edges, "candidates": scores[0].candidates}
    about |= {key: [number(getattr(each, key)) for each in scores] for key in SCORES}
    return about | {
        "overlap": number(float(np.mean(overlap))) if overlap else None,
        "cpu": cpu,
        "date": machine.today(),
    }


def number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def mean_of(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    """Mean over the rows of the mean over seeds; None where a figure is not known."""
    known = [each[key] for each in rows if key in each]
    values = [np.mean(each) for each in known if each is not None and None not in np.atleast_1d(each)]
    return float(np.mean(values)) if values else None


def shown(rows: Sequence[dict[str, Any]], key: str = "auprc_over_random") -> str:
    """Markdown: a line a model, a column a set (draws of a simulator are one set), and the mean where a model has all;
    the best of a set in bold; for scores the number of sets in which the model is above the correlation, how many times
    the score of random orders it has, with an interval over sets, and what 95 % of random orders are below."""
    kept = [each for each in rows if "left_out" not in each]
    sets = list(dict.fromkeys(each["data"].split("/")[0] for each in kept))
    of_set = {s: [each for each in kept if each["data"].split("/")[0] == s] for s in sets}
    models = list(dict.fromkeys(each["model"] for each in kept))
    cells = {m: {s: mean_of([each for each in of_set[s] if each["model"] == m], key) for s in sets} for m in models}
    best = {s: max((cells[m][s] or 0.0 for m in models), default=0.0) for s in sets}
    head = [key.replace("_", " "), *sets, "mean", "above correlation", "times random (95 % over sets)"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for m in models:
        bold = {s: "**" if key in SCORES and cells[m][s] == best[s] else "" for s in sets}
        values = ["" if cells[m][s] is None else f"{bold[s]}{cells[m][s]:.2f}{bold[s]}" for s in sets]
        known = [each for each in cells[m].values() if each is not None]
        values.append(f"{np.mean(known):.2f}" if known and len(known) == len(sets) else "")
        above = wins(cells[m], cells.get("correlation", {})) if key in SCORES and m != "correlation" else ""
        compared = values[-1] and key in SCORES and m != "random" and "random" in cells
        times = times_random(known, cells["random"]) if compared else ""
        lines.append(f"| {m if m in TRIVIAL else f'`{m}`'} | {' | '.join([*values, above, times])} |")
    if key in SCORES:
        below = [*(chance(of_set[s], key) for s in sets), chance_of_means([of_set[s] for s in sets], key), "", ""]
        lines.append(f"| random, 95 % below | {' | '.join(below)} |")
    return "\n".join(lines)


def wins(own: Mapping[str, float | None], other: Mapping[str, float | None]) -> str:
    """ "3 of 8": sets in which a row is above another, of those that both have."""
    both = [(a, b) for a, b in ((own[s], other.get(s)) for s in own) if a is not None and b is not None]
    return f"{sum(a > b for a, b in both)} of {len(both)}" if both else ""


def times_random(scores: Sequence[float], random: Mapping[str, float | None]) -> str:
    """ "1.2 (0.9 to 1.6)": geometric mean over sets of a score over that of random orders, with Student's interval; ""
    of fewer than three sets, and where a score is 0."""
    by_chance = [each for each in random.values() if each is not None]
    if len(scores) < 3 or len(by_chance) != len(scores) or min(*scores, *by_chance) <= 0:
        return ""
    ratio = np.log(np.array(scores) / by_chance)
    wide = stats.t.ppf(0.975, len(ratio) - 1) * ratio.std(ddof=1) / len(ratio) ** 0.5
    middle, low, high = np.exp(ratio.mean() + np.array([0.0, -wide, wide]))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def chance(rows: Sequence[dict[str, Any]], key: str) -> str:
    """What 95 % of random orders are below, the mean over draws; "" where it is not known."""
    known = random_scores(rows, key)
    return f"{np.mean([np.quantile(each, 0.95) for each in known]):.2f}" if known else ""


def chance_of_means(sets: Sequence[Sequence[dict[str, Any]]], key: str) -> str:
    """What 95 % of the means over sets are below, one random order of each; "" where it is not known of one."""
    rng, known = np.random.default_rng(0), [random_scores(rows, key) for rows in sets]
    if not known or not all(known):
        return ""
    drawn = [np.mean([rng.choice(each, 20_000) for each in rows], axis=0) for rows in known]
    return f"{np.quantile(np.mean(drawn, axis=0), 0.95):.2f}"


def random_scores(rows: Sequence[dict[str, Any]], key: str) -> list[list[float]]:
    """Scores of random orders, for each draw."""
    return [each[key] for each in rows if each["model"] == "random" and None not in each[key]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="all")
    parser.add_argument("--data", default="all")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--draws", type=int, default=10, help="draws of each simulator that is named without a number")
    parser.add_argument("--windows", type=int, default=6, help="windows of time of the BEELINE sets")
    parser.add_argument("--order", choices=("simulation", "pseudotime"), default="simulation")
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--files", type=Path, default=FILES, help="folder of the reference data sets")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", type=Path)
    asked = parser.parse_args(argv)
    if asked.show:
        rows = json.loads(asked.show.read_text(encoding="utf-8"))["rows"]
        print("\n\n".join(shown(rows, key) for key in (*SCORES, "overlap", "cpu")))
        return
    torch.set_num_threads(1)
    models = every_model() if asked.models == "all" else asked.models.split(",")
    for each in models:
        if each not in TRIVIAL:
            settings_of(each, "")
    sets = network_cases.names(asked.draws) if asked.data == "all" else expanded(asked.data.split(","), asked.draws)
    made: dict[str, Any] = {"date": machine.today(), "machine": machine.here()}
    made |= {"windows": asked.windows, "order": asked.order}
    again = {(each, model) for each in sets for model in models}
    earlier = resumable_table.earlier(
        asked.out, made, ("windows", "order"), lambda one: (one["data"], one["model"]) in again
    )
    resumable_table.other_machine(asked.out, made)
    made["rows"] = earlier
    for name in sets:
        try:
            case = network_cases.load(name, asked.files, asked.windows, asked.order)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        for model in models:
            made["rows"].append(row(model, name, case, [int(each) for each in asked.seeds.split(",")], asked.steps))
            print(json.dumps(made["rows"][-1]), flush=True)
            resumable_table.write(asked.out, made)
    print(shown(made["rows"]))


def expanded(names: Sequence[str], draws: int) -> list[str]:
    """Names of sets, a simulator without a number as all its draws."""
    found = []
    for each in names:
        found += [f"{each}/{k}" for k in range(draws)] if each in network_cases.SIMULATORS else [each]
    return found


if __name__ == "__main__":
    main()
