"""`export`: a run as a file for other tools, or as a Python script that trains it again. `report`: as one HTML file.

`data export`: a data set as one `.h5ad`, which this app reads back without any loss.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli.analyze import add_simulation, simulated
from cellflow_core.plural import counted


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "export", help="write a run to .h5ad, .csv or a Python script", description=_export.__doc__
    )
    parser.add_argument("run", help="id of the run")
    parser.add_argument(
        "out",
        type=Path,
        help="file to write: .h5ad, .csv, .py (a script, with its cells beside it), or .zip (the run and its cells as "
        "scripts of views read them)",
    )
    parser.add_argument("--what", choices=("simulated", "measured", "both"), default="simulated", help="which cells")
    parser.add_argument("--velocity", action="store_true", help="add the velocity of each cell")
    add_simulation(parser)
    parser.set_defaults(do=_export)
    report = commands.add_parser("report", help="a run as one HTML file", description=_report.__doc__)
    report.add_argument("run", help="id of the run")
    report.add_argument("out", type=Path, help="file to write, ending in .html")
    report.set_defaults(do=_report)


def add_dataset(actions: Any) -> None:
    """`data export`."""
    parser = actions.add_parser("export", help="write a data set to .h5ad", description=_export_dataset.__doc__)
    parser.add_argument("id", help="id of the data set")
    parser.add_argument("out", type=Path, help="file to write, ending in .h5ad")
    parser.set_defaults(do=_export_dataset)


def _export(chosen: argparse.Namespace) -> None:
    """Simulated or measured cells, or both, distinguished by a column, with expression where the state space has genes,
    velocity if asked, and provenance. A name that ends in .py writes a script that trains the same weights again."""
    from cellflow_core.jobs import export
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.runs.index import open_run

    if chosen.out.suffix not in (".h5ad", ".csv", ".py", ".zip"):
        raise ValueError(f"{chosen.out.name} ends neither in .h5ad nor in .csv, .py or .zip")
    if chosen.out.suffix == ".zip":
        from cellflow_core.jobs.export_script import write_home

        write_home(chosen.run, str(chosen.out))
        print(f"the run and its cells in {chosen.out}: unpack it beside a script of a view")
        return
    if chosen.out.suffix == ".py":
        from cellflow_core.jobs.export_script import write_script

        cells = write_script(chosen.run, chosen.out)
        print(f"{chosen.out} trains the run again from {cells.name}; keep both in one folder")
        return
    subject = RunContext(open_run(chosen.run))
    if chosen.what == "measured":
        cells = export.measured(subject)
    else:
        cells = export.moved(subject, simulated(subject, chosen), chosen.seed)
        cells = export.beside_measured(subject, cells) if chosen.what == "both" else cells
    if chosen.velocity:
        cells = export.with_velocity(subject, cells)
    write = export.write_h5ad if chosen.out.suffix == ".h5ad" else export.write_csv
    write(subject, cells, chosen.out)
    print(f"{counted(len(cells.x), f'{chosen.what} cell')} in {chosen.out}")


def _report(chosen: argparse.Namespace) -> None:
    """Figures, numbers, settings, versions, and how far to trust them, in one file that opens without a network."""
    from cellflow_core.reporting.report.report import write_report

    if chosen.out.suffix != ".html":
        raise ValueError(f"{chosen.out.name} does not end in .html")
    write_report(chosen.run, str(chosen.out))
    print(f"the report is in {chosen.out}")


def _export_dataset(chosen: argparse.Namespace) -> None:
    """Cells, times, annotations, expression, layers and the state space: importing the file gives the same data set."""
    from cellflow_core.data.store import open_dataset
    from cellflow_core.data.store.h5ad_export import write_dataset

    if chosen.out.suffix != ".h5ad":
        raise ValueError(f"{chosen.out.name} does not end in .h5ad, which is the format that data sets are written in")
    dataset = open_dataset(chosen.id)
    write_dataset(dataset, chosen.out)
    print(f"{dataset.info.cells:,} cells of {dataset.info.label} in {chosen.out}")
