"""`export`: a run as a file for other tools, with where it came from inside."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli.analyze import add_simulation, simulated


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("export", help="write a run to .h5ad or .csv", description=_export.__doc__)
    parser.add_argument("run", help="id of the run")
    parser.add_argument("out", type=Path, help="file to write: .h5ad or .csv")
    parser.add_argument("--what", choices=("simulated", "measured"), default="simulated", help="which cells")
    parser.add_argument("--velocity", action="store_true", help="add the velocity of each cell")
    add_simulation(parser)
    parser.set_defaults(do=_export)


def _export(chosen: argparse.Namespace) -> None:
    """Simulated or measured cells, with expression where the state space has genes, velocity if asked, provenance."""
    from cellflow_core.jobs import export
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.runs.index import open_run

    if chosen.out.suffix not in (".h5ad", ".csv"):
        raise ValueError(f"{chosen.out.name} ends neither in .h5ad nor in .csv")
    subject = RunContext(open_run(chosen.run))
    if chosen.what == "measured":
        cells = export.measured(subject)
    else:
        cells = export.moved(subject, simulated(subject, chosen), chosen.seed)
    if chosen.velocity:
        cells = export.with_velocity(subject, cells)
    write = export.write_h5ad if chosen.out.suffix == ".h5ad" else export.write_csv
    write(subject, cells, chosen.out)
    print(f"{len(cells.x):,} {chosen.what} cells in {chosen.out}")
