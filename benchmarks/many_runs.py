"""How long the pages take where there are thousands of runs.

    python benchmarks/many_runs.py --runs 10000 --out FILE.json

Makes a home with a simulated data set and this many small run folders: two models are trained and scored for a moment,
and their folders copied with other seeds, labels and times. Half of the runs are trainings with a held-out copy, the
others those of comparisons. Then each page is opened by Streamlit's test client: once, which reads every folder, and
some times more. `warm` is the median of those; `cold` the first opening in a new process that finds what earlier ones
have left behind. Seconds of CPU, since the machine may be shared.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import machine

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PAGES = ("home", "runs", "landscape", "compare", "train")
MODELS = ("i-cfm", "ot-displacement")
TRAINING = {"steps": 20, "batch_size": 32}
LINKS = {"compare": {"models": ",".join(MODELS), "seeds": "3"}}
SEEDS = 10


def make(runs: int) -> None:
    """Fill the workspace of the environment."""
    from cellflow_core.data.importing import demos
    from cellflow_core.data.store import open_dataset
    from cellflow_core.jobs.executors.local import InProcess
    from cellflow_core.jobs.recipes import recipes
    from cellflow_core.runs import index

    data = demos.make("toggle")
    held = open_dataset(data).info.times[2]
    trained = []
    for model in MODELS:
        for recipe in recipes(data, model, "quick", {}, TRAINING, seeds=(0,), hold_out=held):
            trained.append(index.submit(recipe))
            InProcess().start(trained[-1])
    for k in range(runs - len(trained)):
        _copy(trained, k, runs)


def _copy(trained: list[Any], k: int, runs: int) -> None:
    """Copy number `k`: every second ten are a model with its seeds and a copy without a time, the others a comparison,
    with the training of a preset, which the copies have not had."""
    from cellflow_core.models import registry
    from cellflow_core.train.trainer import TrainConfig

    group, member = divmod(k, SEEDS)
    compared = group % 2 == 1
    model = group // 2 % len(MODELS)
    source = trained[2 * model + (compared or member == SEEDS - 1)]
    begun = time.gmtime(1_700_000_000 + 60 * k)
    folder = source.folder.parent / f"{time.strftime('%Y%m%d-%H%M%S', begun)}{k % 10**6:06d}-{secrets.token_hex(3)}"
    shutil.copytree(source.folder, folder, copy_function=os.link)
    recipe = source.recipe.as_dict() | {
        "seed": member,
        "group": f"group-{group}",
        "label": f"{source.recipe.label}, number {k}",
        "training": TrainConfig.preset("standard" if k % 3 else "quick", registry.find(source.recipe.model)).as_dict(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", begun),
    }
    (folder / "recipe.json").unlink()
    (folder / "recipe.json").write_text(json.dumps(recipe, indent=1))


def opened(repeats: int) -> dict[str, list[float]]:
    """Seconds of CPU that each page takes, the first opening and the later ones."""
    import importlib
    import logging

    logging.disable(logging.WARNING)
    from streamlit.testing.v1 import AppTest

    from cellflow_core.jobs import analysis_cache, analysis_pool, supervisor

    def call(path: str, *args: Any, **kwargs: Any) -> Future:
        module, _, name = path.partition(":")
        answer: Future = Future()
        answer.set_result(getattr(importlib.import_module(module), name)(*args, **kwargs))
        return answer

    def submit(question: str, run: str, **settings: Any) -> Future:
        answer: Future = Future()
        answer.set_result(analysis_cache.answer(question, run, **settings))
        return answer

    supervisor.ensure_supervisor = lambda *_: None
    analysis_pool.call = analysis_pool.submit_low_priority = call
    analysis_pool.submit_analysis = submit
    found: dict[str, list[float]] = {}
    for name in PAGES:
        page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=600)
        for key, value in LINKS.get(name, {}).items():
            page.query_params[key] = value
        if name != "home":
            page.switch_page(str(ROOT / "pages" / f"{name}.py"))
        for _ in range(1 + repeats):
            began = time.process_time()
            page.run()
            found.setdefault(name, []).append(round(time.process_time() - began, 4))
            if page.exception:
                raise RuntimeError(f"{name}: {page.exception[0].value}")
    return found


def listed() -> list[float]:
    """Seconds of CPU to list every run: the first time in this process, then again."""
    from cellflow_core.runs import index

    found = []
    for _ in range(6):
        began = time.process_time()
        states = [run.status().state for run in index.runs()]
        found.append(round(time.process_time() - began, 4))
        assert set(states) == {"done"}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--home", type=Path, help="made here and kept, or taken as it is (default: a temporary folder)")
    parser.add_argument("--open", action="store_true", help="only open the pages of the home of the environment")
    asked = parser.parse_args()
    if asked.open:
        print(json.dumps({"list": listed(), "pages": opened(asked.repeats)}))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or Path(folder)
        os.environ["CELLFLOW_HOME"] = str(home)
        if not (home / "runs").exists():
            make(asked.runs)
        command = [sys.executable, __file__, "--open", "--repeats", str(asked.repeats)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        printed = [
            subprocess.run(command, env=environment, check=True, capture_output=True, text=True) for _ in range(2)
        ]
    first, second = (json.loads(each.stdout.splitlines()[-1]) for each in printed)
    rows = {"list of runs": (first["list"], second["list"])}
    rows |= {name: (times, second["pages"][name]) for name, times in first["pages"].items()}
    table = {
        name: {"warm": statistics.median(later[1:]), "cold": later[0], "every folder read": before[0]}
        for name, (before, later) in rows.items()
    }
    for name, row in table.items():
        print(f"{name:14}" + "".join(f"  {what} {seconds:7.3f} s" for what, seconds in row.items()))
    if asked.out:
        found = {"date": machine.today(), "machine": machine.here(), "runs": asked.runs, "seconds of CPU": table}
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
