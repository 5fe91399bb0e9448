"""Models of individuals against the published figures: LHM on its disease, TE-CDE on its tumours, LNODE on hearts.

    python benchmarks/individuals.py lhm --draws 0,1 --kinds hybrid,expert,neural --out FILE.json
    python benchmarks/individuals.py te-cde --draws 0,1 --gammas 6,10 --out FILE.json
    python benchmarks/individuals.py lnode --draws 0 --out FILE.json
    python benchmarks/individuals.py te-cde --show FILE.json

A draw is one seed of the simulator, of the individuals and of the model. Medians over draws are printed with the lowest
and the highest; the trivial rows stand beside them. Rows of other draws, kinds and strengths that the file holds for
the same --subjects and --steps are kept.

lhm      10 patients train, 200 others are forecast from day 5 on, from what was measured before: RMSE and CRPS of
         standardised observables, noise included, as published. "neural, no doses" is the neural ODE trained and asked
         without the doses: the published one sees a dose at the instant of its time alone
te-cde   outcomes five days ahead under ten plans (one dose of either treatment on one of five days), from a random
         measurement of each of 400 other patients: RMSE in percent of the largest volume, that of a ball of 13 cm
lnode    traces of 40 other hearts from their parameters: relative L2 error of each variable; and parameters from their
         traces with noise of 3 % of the standard deviation: share of 90 % intervals that hold the truth
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.simulators.individuals import disease, heart, tumour
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
Row = dict[str, Any]
DAY, AHEAD = 4.5, 5
KINDS = "hybrid,expert,neural,neural (no doses),ensemble,residual"
ALIKE = ("part", "subjects", "steps")
BALANCING = ("none", "adversarial", "released")


def trained(name: str, settings: dict[str, Any], data: Trajectories, seed: int, **changes: Any) -> tuple[Any, float]:
    """A model, and the CPU seconds that training took."""
    began = time.process_time()
    model: Any = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model), validation_fraction=0.0, **changes), seed=seed)
    return model, time.process_time() - began


def batch_of(data: Trajectories, model: Any) -> TrajectoryBatch:
    frames = TrajectoryTensors.from_trajectories(data, spec=model.spec)
    return frames.take(slice(None), torch.Generator().manual_seed(0))


def crps(draws: Array, x: Array) -> Array:
    """Of an ensemble, [draws, ...] about [...] (Gneiting & Raftery 2007, equation 21)."""
    ordered, count = np.sort(draws, axis=0), len(draws)
    rank = (2 * np.arange(1, count + 1) - count - 1).reshape(-1, *[1] * x.ndim)
    return np.abs(draws - x).mean(axis=0) - (ordered * rank).sum(axis=0) / count**2


def lhm(draw: int, use: argparse.Namespace) -> Iterator[Row]:
    """Rows of one draw of the disease."""
    data = disease.Disease(disease.Settings(subjects=use.subjects or 210, seed=draw)).trajectories()
    train, test = data.take(range(10)), data.take(data.subjects[10:])
    later = (test.t > DAY).reshape(len(test.subjects), -1)[0]
    x, seen = (each.reshape(len(test.subjects), -1, len(data.variables))[:, later] for each in (test.x, test.observed))

    def scored(name: str, found: Array, seconds: float) -> Row:
        error = np.where(seen, found.mean(axis=0) - x, 0) ** 2
        each = error.sum(axis=(1, 2)) / seen.sum(axis=(1, 2))
        return {
            "row": name,
            "RMSE": float(np.sqrt(each.mean())),
            "CRPS": float(crps(found, x)[seen].mean()),
            "s": seconds,
        }

    yield scored("mean of all", np.zeros((1, *x.shape)), 0.0)
    for kind in use.kinds.split(","):
        parts = [replace(each, doses=DoseEvents()) if "no doses" in kind else each for each in (train, test)]
        model, seconds = trained("lhm", {"kind": kind.split()[0]}, parts[0], draw, batch_size=10, **use.changes)
        history = batch_of(parts[1], model).until(DAY)
        times = torch.tensor(data.times[data.times > DAY], dtype=torch.float32)
        found = model.courses(history, times, 50, torch.Generator().manual_seed(draw)).numpy()
        yield scored(kind, found, seconds)


def plans(test: Trajectories, since: Array) -> Iterator[DoseEvents]:
    """What was given before `since`, [subjects], and one dose on one of the days after it."""
    past = test.doses.time < since[np.searchsorted(test.subjects, test.doses.subject)]
    kept = [each[past] for each in test.doses.arrays.values()]
    for kind, amount in enumerate(tumour.AMOUNTS):
        for day in range(AHEAD):
            same = np.ones(len(since))
            added = (test.subjects, since + day, amount * same, 0 * same, np.full(len(since), kind))
            yield DoseEvents(*(np.concatenate(each) for each in zip(kept, added, strict=True)))


class Tumours:
    """One draw: patients for training, and 400 others, each forecast from a random measurement under ten plans."""

    def __init__(self, draw: int, gamma: float, count: int) -> None:
        process = tumour.Tumour(tumour.Settings(subjects=count + 400, gamma=gamma, seed=draw))
        data = process.trajectories()
        self.train, self.test = data.take(range(count)), data.take(data.subjects[count:])
        pick = np.random.default_rng(draw).choice
        self.since = np.array([pick(self.test.t[self.test.subject == each]) for each in self.test.subjects])
        self.given = list(plans(self.test, self.since))
        days = np.arange(self.since.max() + AHEAD + 1)
        who, day = self.test.subjects, self.since.astype(int)
        self.truth = np.stack([process.counterfactual_courses(days, each)[who, day + AHEAD, 0] for each in self.given])
        self.now = process.counterfactual_courses(days, self.test.doses)[who, day, 0]

    def forecasts(self, model: Any, seed: int) -> Iterator[Array]:
        """Mean of the draws of each patient under each plan."""
        since = torch.tensor(self.since, dtype=torch.float32)
        times = np.unique(self.since + AHEAD)
        for plan in self.given:
            asked = batch_of(replace(self.test, doses=plan), model).until(since)
            rng = torch.Generator().manual_seed(seed)
            mean = model.courses(asked, torch.tensor(times, dtype=torch.float32), 20, rng).mean(dim=0)[..., 0].numpy()
            yield mean[np.arange(len(self.since)), np.searchsorted(times, self.since + AHEAD)]

    def error(self, found: Array) -> float:
        """RMSE in percent of the largest volume."""
        return 100 * float(np.sqrt(((found - self.truth) ** 2).mean())) / (np.pi / 6 * tumour.DEATH**3)


def te_cde(draw: int, use: argparse.Namespace) -> Iterator[Row]:
    """Rows of one draw of the tumours, for each strength of confounding."""
    for gamma in map(float, use.gammas.split(",")):
        study = Tumours(draw, gamma, use.subjects or 600)
        yield {"row": f"gamma {gamma:g}: last value", "RMSE %": study.error(study.now), "s": 0.0}
        for balancing in BALANCING:
            model, seconds = trained("te-cde", {"balancing": balancing}, study.train, draw, **use.changes)
            error = study.error(np.stack(list(study.forecasts(model, draw))))
            yield {"row": f"gamma {gamma:g}: {balancing}", "RMSE %": error, "s": seconds}


def lnode(draw: int, use: argparse.Namespace) -> Iterator[Row]:
    """Rows of one draw of hearts: a variable each, and a parameter each."""
    count = use.subjects or 150
    process = heart.Heart(heart.Settings(subjects=count + 40, seed=draw))
    data = process.trajectories()
    train, test = data.take(range(count)), data.take(data.subjects[count:])
    model, seconds = trained("lnode", {}, train, draw, **use.changes)
    batch = batch_of(test, model)
    x = batch.x.numpy()
    found = model.courses(batch, batch.t[0], 1, torch.Generator().manual_seed(0))[0].numpy()
    mean = train.x.reshape(count, -1, 3).mean(axis=0)
    for k, name in enumerate(data.variables):
        size = np.sqrt((x[..., k] ** 2).mean(axis=1))
        for row, guess in ((name, found), (f"{name}: mean of all", np.broadcast_to(mean, x.shape))):
            error = np.sqrt(((guess - x)[..., k] ** 2).mean(axis=1)) / size
            yield {"row": row, "error %": 100 * float(np.median(error)), "s": seconds}
    noise = 0.03 * x.std(axis=(0, 1)) * np.random.default_rng(draw).standard_normal(x.shape)
    noisy = replace(batch, x=torch.tensor(x + noise, dtype=torch.float32))
    posterior = model.individual_parameters(noisy, 300, torch.Generator().manual_seed(0)).numpy()
    low, high = np.quantile(posterior, (0.05, 0.95), axis=0)
    for k, name in enumerate(model.spec.covariates):
        truth, prior = test.covariates[name], train.covariates[name].std()
        error = float(np.sqrt(((posterior[..., k].mean(axis=0) - truth) ** 2).mean()))
        held = float(((low[:, k] <= truth) & (truth <= high[:, k])).mean())
        yield {"row": name, "error / prior sd": error / prior, "in 90 %": held, "s": seconds}


PARTS = {"lhm": lhm, "te-cde": te_cde, "lnode": lnode}


def table(rows: list[Row]) -> str:
    """Median of each number over the draws, with the lowest and the highest."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for each in rows:
        by_name[each["row"]].append(each)
    lines = []
    for name, some in by_name.items():
        numbers = {key: [each[key] for each in some] for key in some[0] if key not in ("row", "draw", "machine")}
        shown = (f"{key} {statistics.median(v):.3g} ({min(v):.3g} to {max(v):.3g})" for key, v in numbers.items())
        lines.append(f"{name:34} {'  '.join(shown)}")
    return "\n".join(lines)


def differences(rows: list[Row]) -> str:
    """RMSE of each balancing less that of none, draw by draw: mean with its 95 % interval (t), and draws with less."""
    error = {(each["row"], each["draw"]): each["RMSE %"] for each in rows if "RMSE %" in each}
    lines = []
    for name in dict.fromkeys(row for row, _ in error if ": none" in row):
        for balancing in BALANCING[1:]:
            other = name.replace("none", balancing)
            draws = [draw for row, draw in error if row == name and (other, draw) in error]
            difference = np.array([error[other, draw] - error[name, draw] for draw in draws])
            if len(difference) < 2:
                continue
            mean = float(difference.mean())
            half = float(t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / len(difference) ** 0.5)
            lines.append(
                f"{other} less none: {mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f}), "
                f"less in {(difference < 0).sum()} of {len(difference)} draws"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--draws", default="0")
    parser.add_argument("--kinds", default=KINDS)
    parser.add_argument("--gammas", default="6,10")
    parser.add_argument("--subjects", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", type=Path, metavar="FILE.json", help="print a table that is there")
    use = parser.parse_args(arguments)
    if use.show:
        rows = (resumable_table.stored(use.show) or {"rows": []})["rows"]
        print(table(rows), differences(rows), sep="\n")
        return
    use.changes = {"steps": use.steps} if use.steps else {}
    torch.set_num_threads(1)
    found: Row = {"machine": machine.here(), "date": machine.today(), "part": use.part}
    found |= {"subjects": use.subjects or None, "steps": use.steps or None, "rows": []}
    held = resumable_table.earlier(use.out, found, ALIKE, lambda row: False)
    elsewhere = resumable_table.other_machine(use.out, found)
    for draw in map(int, use.draws.split(",")):
        for row in PARTS[use.part](draw, use):
            found["rows"].append({"draw": draw, **elsewhere, **row})
            print(found["rows"][-1], flush=True)
    made = {(each["draw"], each["row"]) for each in found["rows"]}
    found["rows"] = [*(each for each in held if (each["draw"], each["row"]) not in made), *found["rows"]]
    print(table(found["rows"]))
    if use.part == "te-cde":
        print(differences(found["rows"]))
    resumable_table.write(use.out, found)


if __name__ == "__main__":
    main()
