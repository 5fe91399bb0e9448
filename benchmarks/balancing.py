"""Does balancing over treatments help TE-CDE, if its weight rises as in domain-adversarial training?

    python benchmarks/balancing.py --draws 10,11 --gammas 6,10 --patients 400 --steps 400 --out FILE.json

Draws of the tumours that `individuals.py te-cde` does not judge. There balancing begins after 40 % of the steps, with a
weight that stays; here all rows of a draw are trained alike, by all steps at once, and the weight of the reversed
gradient rises with the part p of the steps that is done: lambda (2 / (1 + exp(-10 p)) - 1), as in Ganin & Lempitsky
2015 (arXiv:1409.7495), whom the paper follows. Printed is what `individuals.py` prints: the error of forecasts of 400
other patients five days ahead under ten plans. Rows that the file holds for other draws and sizes are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import individuals
import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table

from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.contract import Loss, Phase, Update
from cellflow_core.models.longitudinal.te_cde import TECDE, Settings
from cellflow_core.train.trainer import TrainConfig, fit

STEEPNESS = 10.0


class Rising(TECDE):
    """TE-CDE in one phase, with a weight that rises to `most`."""

    most, steps, done = 0.0, 1, 0

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("outcomes and balancing", (Update(self.loss, tuple(self.parameters())),), 1.0, self.learn),)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        self.done += 1
        weight = self.most * (2 / (1 + math.exp(-STEEPNESS * self.done / self.steps)) - 1)
        return self._loss(batch, lambda z: (1 + weight) * z.detach() - weight * z, 1.0)


def rows(draw: int, gamma: float, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """One for each weight, of the same patients and plans."""
    study = individuals.Tumours(draw, gamma, asked.patients)
    found = []
    for weight in map(float, asked.weights.split(",")):
        began = time.process_time()
        torch.manual_seed(draw)
        settings = Settings(balancing="adversarial" if weight else "none")
        model = Rising(settings, study.train.spec)
        model.most, model.steps = weight, asked.steps
        config = TrainConfig.preset("standard", TECDE, validation_fraction=0.0, steps=asked.steps)
        fit(model, study.train, config, seed=draw)
        error = study.error(np.stack(list(study.forecasts(model.eval(), draw))))
        row = {"draw": draw, "gamma": gamma, "patients": asked.patients, "steps": asked.steps, "weight": weight}
        found.append(row | {"RMSE %": error, "cpu": round(time.process_time() - began, 1)})
        print(json.dumps(found[-1]), flush=True)
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Error of each weight less that of none, mean over draws."""
    named = ("patients", "steps", "gamma", "weight", "draw")
    error = {tuple(each[key] for key in named): each["RMSE %"] for each in rows}
    lines = []
    for size in dict.fromkeys(key[:3] for key in error):
        draws = sorted({key[4] for key in error if key[:3] == size})
        for weight in sorted({key[3] for key in error if key[:3] == size} - {0.0}):
            both = [draw for draw in draws if {(*size, weight, draw), (*size, 0.0, draw)} <= error.keys()]
            difference = [error[(*size, weight, draw)] - error[(*size, 0.0, draw)] for draw in both]
            words = ", ".join(f"{each:+.3f}" for each in difference)
            lines.append(
                f"{size[0]} patients, {size[1]} steps, gamma {size[2]:g}, weight {weight:g} less none: {words}"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", default="10")
    parser.add_argument("--gammas", default="6,10")
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--weights", default="0,0.1,0.3,1", help="largest weights, with commas between; 0: none")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found: dict[str, Any] = {"date": machine.today(), "machine": machine.here(), "rows": []}
    for draw in map(int, asked.draws.split(",")):
        for gamma in map(float, asked.gammas.split(",")):
            new = rows(draw, gamma, asked)
            same = [{key: each[key] for key in ("draw", "gamma", "patients", "steps", "weight")} for each in new]
            held = resumable_table.stored(asked.out) or {"rows": []}
            kept = [each for each in held["rows"] if not any(own.items() <= each.items() for own in same)]
            found["rows"] = kept + new
            resumable_table.write(asked.out, found)
    print(table(found["rows"]))


if __name__ == "__main__":
    main()
