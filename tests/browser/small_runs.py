"""Makes data sets and a small trained model on each in the home of the environment, and prints ids and labels."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np

from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.derive import derive
from tests import toy_pk, toys


def cells(genes: tuple[str, ...], times: tuple[float, ...], seed: int) -> Snapshots:
    """60 cells of three genes at each time; two of the genes rise in one half of the cells each."""
    rng = np.random.default_rng(seed)
    t = np.repeat(np.array(times), 60)
    side = np.where(np.arange(len(t)) % 2, 1.0, -1.0)
    part = (t - t[0]) / (t[-1] - t[0])
    centre = np.stack([2 + 2 * part, 2 + side * part, 2 - side * part], axis=1)
    x = (centre + rng.normal(0.0, 0.25, centre.shape)).astype(np.float32)
    return Snapshots(x, t, AffineSpace.of_genes(genes), "days", labels={"type": np.where(side > 0, "up", "down")})


def special() -> dict[str, str]:
    """Runs on data that other pages need: velocity genes with their moments, and individuals with doses."""
    moments = {"min_r2": -1.0, "min_slope": 0.0, "components": 10}
    data = derive(simulate("splicing-bifurcation", {"cells_per_time": 100, "genes": 12}), "moments", moments)
    velocity = toys.recipe(data, model="consistent-velocity", settings={}, training={"steps": 1})
    study = simulate("pkpd", toy_pk.STUDY | {"subjects": 8, "n_times": 6, "n_doses": 1})
    training = {"steps": 1, "batch_size": 4, "validation_fraction": 0.25}
    courses = toys.recipe(study, model="population-pk", settings={}, training=training)
    return {"velocity": toys.finished(velocity).id, "courses": toys.finished(courses).id}


if __name__ == "__main__":
    if "special" in sys.argv:
        print(json.dumps(special()))
        sys.exit()
    made = {}
    for label, model, genes, times in (
        ("Blood cells", "i-cfm", ("Gata1", "Spi1", "Cebpa"), (0.0, 1.0, 2.0)),
        ("Gut cells", "ot-cfm", ("Lgr5", "Muc2", "Alpi"), (1.5, 4.5, 7.5)),
    ):
        id = toys.stored(cells(genes, times, seed=len(made)), label=label)
        recipe = replace(toys.recipe(id), model=model, label=f"Small {model}")
        made[toys.finished(recipe).id] = f"Small {model} · {label}"
    print(json.dumps(made))
