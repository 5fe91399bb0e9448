"""Do 90 % bands of forecasts hold 85 to 95 % of what is measured of a new individual, as drawn and calibrated?

    python benchmarks/course_bands.py --data warfarin.csv --models population-pk,neural-cde --folds 5 --out FILE.json
    python benchmarks/course_bands.py --show FILE.json

The individuals are parted into folds, in an order of chance that is always the same, and each fold is forecast once by
a model that was trained without it: from what was measured when a quarter, half and three quarters of the measurements
were made ("after"), and from doses and covariates alone ("before"). Its bands are calibrated (`analysis.courses.
band_calibration`) by copies that were trained without it and without one of the other folds, which they forecast: no
copy has seen the fold that is judged. The copy without folds i and j serves both, so that F folds are F (F + 1) / 2
trainings.

Individuals are the units: shares are means over individuals, with the 95 % interval of 4,000 bootstrap samples of them.
Rows of other models that the file holds for the same data, folds and preset are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table
import run_case
from course_data import read

from cellflow_core.analysis.courses import band_calibration as bands
from cellflow_core.analysis.courses.errors import BAND, crps
from cellflow_core.analysis.courses.forecast import Forecasts, default_cuts, forecasts
from cellflow_core.data.train_validation_split import folds_of
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

ALIKE = ("data", "folds", "preset")
Array = np.ndarray


class Copies:
    """Models of one label, each trained without some folds, and their forecasts of these folds."""

    def __init__(self, label: str, data: Trajectories, folds: list[Array], asked: argparse.Namespace) -> None:
        self.label, self.data, self.folds, self.asked = label, data, folds, asked
        self.found: dict[tuple[str, tuple[int, ...], int], Forecasts] = {}

    def train(self, without: tuple[int, ...]) -> None:
        name, settings = run_case.named(self.label)
        left = np.setdiff1d(self.data.subjects, np.concatenate([self.folds[k] for k in without]))
        model = registry.create(name, settings, self.data.spec, 0)
        changes = {"steps": self.asked.steps} if self.asked.steps else {}
        config = TrainConfig.preset("standard", type(model), validation_fraction=0.0, **changes)
        fit(model, self.data.take(left), config)
        model.eval()
        for k in without:
            held = self.data.take(self.folds[k])
            for variable in self.data.variables:
                cuts = default_cuts(self.data, self.data.variables.index(variable))
                self.found[variable, without, k] = forecasts((model,), held, variable, cuts)

    def row(self, variable: str) -> dict[str, Any]:
        """Shares in the bands of each individual, when its fold was judged."""
        people: dict[str, dict[str, list[float]]] = {}
        factors = []
        for k in range(len(self.folds)):
            judged = self.found[variable, (k,), k]
            others = [(tuple(sorted((k, j))), j) for j in range(len(self.folds)) if j != k]
            calibration = bands.of_forecasts([self.found[variable, pair, j] for pair, j in others])
            known = np.isfinite(judged.cut)
            drawn = {"drawn": judged.draws}
            if calibration is not None:
                factors.append([calibration.before, calibration.after])
                drawn["calibrated"] = calibration.widened(judged.draws, known)
            for name, draws in drawn.items():
                low, _, high = np.quantile(draws, BAND, axis=0)
                inside, score = (low <= judged.observed) & (judged.observed <= high), crps(draws, judged.observed)
                for who in np.unique(judged.subject):
                    own = people.setdefault(str(who), {})
                    for when, rows in (("before", ~known), ("after", known)):
                        if (rows := rows & (judged.subject == who)).any():
                            own[f"{name} {when}"] = [float(inside[rows].mean()), float(score[rows].mean())]
        return {"model": self.label, "variable": variable, "factors": factors, "people": people, **summary(people)}


def summary(people: dict[str, dict[str, list[float]]]) -> dict[str, list[float]]:
    """Of each kind of band: share, lower and upper end of its 95 % interval, and CRPS."""
    found = {}
    for name in sorted({each for own in people.values() for each in own}):
        share, score = np.array([own[name] for own in people.values() if name in own]).T
        picked = np.random.default_rng(0).integers(len(share), size=(4000, len(share)))
        low, high = np.quantile(share[picked].mean(axis=1), (0.025, 0.975))
        found[name] = [float(share.mean()), float(low), float(high), float(score.mean())]
    return found


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    asked = _parser().parse_args(arguments)
    if asked.show:
        found = json.loads(asked.show.read_text())
        print(table(found["rows"]))
        return found
    torch.set_num_threads(1)
    data = read(asked.data, 0)
    folds = folds_of(data.subjects, asked.folds, 0)
    found: dict[str, Any] = {
        "data": {"name": Path(asked.data).name, "individuals": len(data.subjects), "fingerprint": data.fingerprint},
        "folds": asked.folds,
        "preset": f"standard, {asked.steps} steps" if asked.steps else "standard",
        "date": machine.today(),
        "machine": machine.here() | {"threads": 1},
    }
    labels = asked.models.split(",")
    found["rows"] = resumable_table.earlier(asked.out, found, ALIKE, lambda row: row["model"] in labels)
    for label in labels:
        copies, began = Copies(label, data, folds, asked), time.process_time()
        for k in range(asked.folds):
            copies.train((k,))
        for pair in combinations(range(asked.folds), 2):
            copies.train(pair)
        for variable in data.variables:
            found["rows"].append(copies.row(variable) | {"cpu": round(time.process_time() - began, 1)})
        resumable_table.write(asked.out, found)
        print(table(found["rows"][-len(data.variables) :]), flush=True)
    return found


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['model']}, {row['variable']}, {len(row['people'])} individuals")
        for name in ("drawn before", "calibrated before", "drawn after", "calibrated after"):
            if name in row:
                share, low, high, score = row[name]
                lines.append(f"    {name:18} {share:.2f} ({low:.2f} to {high:.2f})  CRPS {score:.3g}")
        if row["factors"]:
            low, high = np.min(row["factors"], axis=0), np.max(row["factors"], axis=0)
            lines.append(
                f"    factors            before {low[0]:.2f} to {high[0]:.2f}, after {low[1]:.2f} to {high[1]:.2f}"
            )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FILE|ID|SIMULATOR")
    parser.add_argument(
        "--models", default="population-pk", help="names with commas between; settings as name:key=value"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--show", type=Path, metavar="FILE.json", help="print a table that is there")
    return parser


if __name__ == "__main__":
    main()
