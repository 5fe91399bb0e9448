"""`work`: what the process of a worker runs. `demo`: everything the app opens on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add(commands: Any, argv: Sequence[str]) -> None:
    work = commands.add_parser("work", help="train one queued run in this process", description=_work.__doc__)
    work.add_argument("run", help="id of the run, or its folder")
    work.set_defaults(do=_work)
    demo = commands.add_parser(
        "demo", help="simulate the demo data and train on them, unless done", description=_demo.__doc__
    )
    demo.add_argument("--wait", action="store_true", help="wait until they have ended")
    demo.set_defaults(do=_demo)


def _work(chosen: argparse.Namespace) -> int:
    """Train one run in this process, from its newest checkpoint if it has one. The result is in the run's folder."""
    from cellflow_core.jobs.supervisor import wake
    from cellflow_core.jobs.worker import main
    from cellflow_core.runs.index import open_run
    from cellflow_core.runs.run import Run

    folder = Path(chosen.run)
    if not (folder / "recipe.json").is_file():
        folder = open_run(chosen.run).folder
    main(folder)
    wake(Run(folder).workspace)  # the supervisor may have been killed meanwhile: the next run is not to wait for a page
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    """Simulate the toggle switch and submit an OT-CFM and an Action Matching run on it, unless they exist."""
    from cellflow_core.cli.train import follow
    from cellflow_core.jobs.demo import submit
    from cellflow_core.runs.index import open_run

    runs = [open_run(id) for id in submit(on_progress=print)]
    for run in runs:
        print(f"{run.label} [{run.id}]: {run.status().state}")
    return follow(runs) if chosen.wait else 0
