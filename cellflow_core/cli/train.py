"""`train`: put runs in the queue, and watch them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import options
from cellflow_core.cli.table import duration
from cellflow_core.runs import queue
from cellflow_core.runs.recipe import DEVICES
from cellflow_core.runs.run import Run

LOOK_EVERY = 0.5


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a model on a data set",
        description="Train a model. With --model NAME --help, every setting of that model is listed as a flag.",
    )
    parser.add_argument("--data", required=True, metavar="ID", help="data set (see: data list)")
    parser.add_argument("--model", required=True, metavar="NAME", help="model (see: models list)")
    parser.add_argument("--preset", choices=("quick", "standard", "careful"), default="standard")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    parser.add_argument("--seeds", type=options.seeds, default=(0,), metavar="0,1,2", help="one run for each")
    parser.add_argument("--hold-out", type=float, metavar="TIME", help="also train a copy with this time held out")
    parser.add_argument(
        "--hold-out-after", type=float, metavar="TIME", help="train without what was measured of individuals later"
    )
    parser.add_argument(
        "--band-folds",
        type=int,
        default=0,
        metavar="K",
        help="also train K copies without a part of the individuals each, which calibrate the bands of forecasts",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--label", default="", help="name of the runs, for people")
    parser.add_argument("--wait", action="store_true", help="wait until they have ended")
    parser.set_defaults(do=_train)
    model = options.value_of(argv, "--model") if argv[:1] == ["train"] else None
    if model is not None:
        from cellflow_core.selection.model_cards import card

        shown = card(model)
        options.add_settings(parser.add_argument_group(f"settings of {shown.title}"), shown.settings)
        options.add_settings(parser.add_argument_group("settings of the training"), shown.training_settings)


def _train(chosen: argparse.Namespace) -> int:
    from cellflow_core.jobs.recipes import recipes
    from cellflow_core.jobs.supervisor import ensure_supervisor
    from cellflow_core.runs import index
    from cellflow_core.selection.model_cards import card

    shown = card(chosen.model)
    known = {each.name: each for each in (*shown.training_settings, *shown.settings)}
    values = options.parsed(chosen.set, known)
    own = {each.name for each in shown.settings}
    settings = {k: v for k, v in values.items() if k in own} | options.given(chosen, shown.settings)
    training = {k: v for k, v in values.items() if k not in own} | options.given(chosen, shown.training_settings)
    made = recipes(
        chosen.data,
        chosen.model,
        chosen.preset,
        settings,
        training,
        seeds=chosen.seeds,
        hold_out=chosen.hold_out,
        hold_out_after=chosen.hold_out_after,
        band_folds=chosen.band_folds,
        device=chosen.device,
        label=chosen.label,
    )
    runs = index.submit_all(made)
    for run in runs:
        print(run.id)
    ensure_supervisor()
    return follow(runs) if chosen.wait else 0


def follow(runs: Sequence[Run]) -> int:
    """Wait until runs have ended: a live line in a terminal, elsewhere a line per change. 1 if one failed."""
    from cellflow_core.jobs.supervisor import ensure_supervisor

    live = sys.stdout.isatty()
    good = True
    for run in runs:
        printed = ""
        while True:
            status = run.status()
            line = _line(run)
            if live:
                print(f"\r\033[K{line}", end="", flush=True)
            elif line.partition(" step ")[0] != printed.partition(" step ")[0] or status.ended:
                print(line, flush=True)
            printed = line
            if status.ended:
                break
            ensure_supervisor()
            time.sleep(LOOK_EVERY)
        if live:
            print()
        good &= status.state == "done"
    return 0 if good else 1


def _line(run: Run) -> str:
    status = run.status()
    parts = [f"{run.label} [{run.id}]: {status.state}"]
    if status.state == "queued":
        parts.append(f"place {queue.place(run)}")
    if status.message:
        parts.append(status.message)
    if status.state == "running":
        parts.append(f"{status.phase} on {status.device}" if status.device else status.phase)
    if status.steps:
        loss = run.history().get("loss")
        parts.append(
            f"{duration(status.seconds)}" + ("" if loss is None or not len(loss) else f", loss {loss[-1]:.4g}")
        )
    if status.state == "running" and status.eta is not None:
        parts.append(f"{duration(status.eta)} to go")
    where = f" step {status.step}/{status.steps}" if status.steps else ""
    return ", ".join(parts[:2]) + where + "".join(f", {each}" for each in parts[2:])
