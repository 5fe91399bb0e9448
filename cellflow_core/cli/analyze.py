"""`simulate`, `landscape` and `perturb`: cells of a trained run, as measured and with a gene changed.

`measured-effects`: what was measured in perturbed cells.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import answer, options
from cellflow_core.cli.table import columns
from cellflow_core.plural import counted
from cellflow_core.reporting import (
    cell_rows,
    measured_effect_summaries,
    perturbation_summaries,
    result_tables,
    screen_summaries,
    summaries,
)
from cellflow_core.reporting.fields import barriers
from cellflow_core.time_units import format_time, format_times

if TYPE_CHECKING:
    import numpy as np

    from cellflow_core.analysis.simulate import Simulation
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.models.contract import Context, DynamicsModel

GENES_LISTED = 10
CELLS_LISTED = 10
_STATES = "annotation whose values are the fates (default: those that are found)"


def add(commands: Any, argv: Sequence[str]) -> None:
    simulate = commands.add_parser("simulate", help="simulate cells with a trained run", description=_simulate.__doc__)
    simulate.add_argument("run", help="id of the run")
    simulate.add_argument("out", type=Path, help="file to write: .csv, or .npz with arrays")
    add_simulation(simulate)
    simulate.set_defaults(do=_simulate)
    perturb = commands.add_parser(
        "perturb", help="change one or several genes and compare the fates", description=_perturb.__doc__
    )
    perturb.add_argument("run", help="id of the run")
    perturb.add_argument("genes", nargs="*", metavar="gene", help="one gene, or several that are perturbed at once")
    perturb.add_argument("--gene", action="append", default=[], help="the same as a flag; give it once for each gene")
    perturb.add_argument("--kind", choices=("knock-out", "over-expression", "shift"), default="knock-out")
    perturb.add_argument(
        "--level",
        type=float,
        action="append",
        help="expression that the genes are clamped at, in the units of the data; for a shift, standard deviations "
        "from the mean in the initial cells (-5). Give it once for all genes, or once for each",
    )
    perturb.add_argument("--states", default="", help=_STATES)
    perturb.add_argument("--start", nargs=2, metavar=("ANNOTATION", "VALUE"), help="start from these cells only")
    perturb.add_argument("--out", type=Path, help="also write the table of states to this .csv")
    perturb.add_argument("--genes-out", type=Path, help="also write the change of every gene to this .csv")
    perturb.set_defaults(do=_perturb)
    _add_screen(commands)
    measured = commands.add_parser(
        "measured-effects",
        help="compare perturbed with control cells of a data set; needs no model",
        description=_measured_effects.__doc__,
    )
    measured.add_argument("dataset", help="id of the data set")
    measured.add_argument("--target", help="also print the genes of this target (or combination, as in the table)")
    measured.add_argument(
        "--batch",
        metavar="ANNOTATION",
        help='compare within each batch only; "" for none (default: an annotation that is named like a batch, if any)',
    )
    measured.add_argument("--shares", default="", metavar="ANNOTATION", help="also compare the shares of its groups")
    measured.add_argument("--out", type=Path, help="also write the table of targets to this .csv")
    measured.add_argument("--genes-out", type=Path, help="also write every gene of --target, or of all, to this .csv")
    measured.set_defaults(do=_measured_effects)
    surface = commands.add_parser("landscape", help="the surface that cells roll down", description=_landscape.__doc__)
    surface.add_argument("run", help="id of the run")
    surface.add_argument(
        "--height", choices=("auto", "potential", "quasi"), default="auto", help="learnt potential, or quasi-potential"
    )
    surface.add_argument("--time", type=float, help="time of the surface (default: the last measured one)")
    surface.add_argument("--view", default="pca", help="embedding that the surface lies over (pca)")
    surface.add_argument(
        "--barriers", action="store_true", help="also print the climbs between basins, over all trainings of the model"
    )
    surface.add_argument("--out", type=Path, help="also write the height under every measured cell to this .csv")
    surface.set_defaults(do=_landscape)


def _add_screen(commands: Any) -> None:
    screen = commands.add_parser(
        "screen", help="perturb many genes one after the other and rank them", description=_screen.__doc__
    )
    screen.add_argument("run", help="id of the run")
    screen.add_argument("genes", nargs="+", metavar="gene")
    screen.add_argument("--kind", choices=("knock-out", "over-expression"), default="knock-out")
    screen.add_argument("--states", default="", help=_STATES)
    screen.add_argument("--start", nargs=2, metavar=("ANNOTATION", "VALUE"), help="start from these cells only")
    screen.add_argument("--of", metavar="STATE", help="terminal state to rank by; the first one where it is left out")
    screen.add_argument("--out", type=Path, help="also write the table to this .csv")
    screen.set_defaults(do=_screen)


def add_simulation(parser: argparse.ArgumentParser) -> None:
    """The flags that decide a simulation."""
    parser.add_argument(
        "--times",
        type=options.numbers,
        metavar="0,0.5,1",
        help="default: the measured times; with one, also the end to which cells are followed",
    )
    parser.add_argument("--cells", type=int, help="start with this many cells of the first time (default: all)")
    parser.add_argument("--seed", type=options.seed, default=0)
    parser.add_argument("--label", metavar="VALUE", help="condition on this label (conditional models)")
    parser.add_argument("--no-noise", action="store_true", help="the drift alone of a stochastic model")


def simulated(context: RunContext, chosen: argparse.Namespace) -> Simulation:
    """Cells measured at, or last before, the first asked time, moved through all asked times.

    Raises ValueError where the times do not ascend or begin before any cell, or there are fewer cells than asked for.
    """
    import numpy as np

    from cellflow_core.analysis.dynamics import dynamics
    from cellflow_core.analysis.fields.horizon import followed_times
    from cellflow_core.analysis.simulate import simulate

    data = context.data
    usual = followed_times(dynamics(context.model), data)
    times = np.array(chosen.times if chosen.times is not None else usual, dtype=float)
    if (np.diff(times) <= 0).any():
        raise ValueError(f"times must ascend, got {', '.join(format_times(times))}")
    measured = data.times if len(data.times) else usual[:1]
    if times[0] < measured[0]:
        raise ValueError(f"no cells were measured before time {format_time(measured[0])}: begin there or later")
    start = float(measured[measured <= times[0]][-1])
    x0 = data.at(start) if len(data.times) else data.x
    if chosen.cells is not None:
        if not 1 <= chosen.cells <= len(x0):
            raise ValueError(f"--cells {chosen.cells}: there are 1 to {len(x0)} cells at time {format_time(start)}")
        x0 = x0[np.random.default_rng(chosen.seed).choice(len(x0), chosen.cells, replace=False)]
    asked = np.unique(np.concatenate([[start], times])) if start < times[0] else times
    labels = None if chosen.label is None else _labelled(context.model, chosen.label, len(x0))
    found = simulate(context.model, x0, asked, seed=chosen.seed, noise=not chosen.no_noise, context=labels)
    return _at(found, times)


def _labelled(model: DynamicsModel, value: str, cells: int) -> Context:
    """The context that asks for cells of one value of the model's condition. ValueError lists the values there are."""
    import torch

    from cellflow_core.models.contract import Context

    known = dict(model.spec.labels).get(model.config.as_dict().get("condition", ""), ())
    if value not in known:
        raise ValueError(f"--label {value}: {model.title} was trained with {', '.join(known) or 'no condition'}")
    return Context(covariates={"label": torch.full((cells,), known.index(value))})


def _at(found: Simulation, times: np.ndarray) -> Simulation:
    """Only the asked times: the simulation may have begun at an earlier measured one."""
    import dataclasses

    import numpy as np

    rows = np.searchsorted(found.times, times)
    return dataclasses.replace(found, times=found.times[rows], x=found.x[rows], log_weight=found.log_weight[rows])


def _simulate(chosen: argparse.Namespace) -> None:
    """Simulate measured cells through all times. Columns: cell (where the model follows
    cells), time, weight (share of the mass), each axis."""
    import numpy as np

    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.runs.index import open_run

    if chosen.out.suffix not in (".csv", ".npz"):
        raise ValueError(f"{chosen.out.name} ends neither in .csv nor in .npz")
    context = RunContext(open_run(chosen.run))
    found = simulated(context, chosen)
    axes = context.data.space.axes
    if chosen.out.suffix == ".npz":
        np.savez(chosen.out, times=found.times, x=found.x, weight=found.weight, axes=np.array(axes, dtype=np.str_))
    else:
        rows = result_tables.of_simulation(found.times, found.x, found.weight, axes, found.tracks_cells)
        answer.write_csv(rows, chosen.out)
    print(f"{counted(found.x.shape[1], 'cell')} at {counted(len(found.times), 'time')} in {chosen.out}")
    for note in found.notes:
        print(note)


def _perturb(chosen: argparse.Namespace) -> None:
    """Clamp genes during the simulation, or shift them in the initial cells, and compare the terminal states."""
    from cellflow_core.analysis.results import Perturbation

    genes = (*chosen.genes, *chosen.gene)
    if not genes:
        raise ValueError("perturb needs a gene: name one or several after the run, or with --gene")
    settings: dict[str, Any] = {"genes": genes, "kind": chosen.kind, "states": chosen.states}
    if chosen.level is not None:
        settings["level"] = chosen.level[0] if len(chosen.level) == 1 else tuple(chosen.level)
    if chosen.start is not None:
        settings["start_label"] = tuple(chosen.start)
    found = answer.ask(Perturbation, "perturb", chosen, **settings)
    how = "set to" if found.kind == "shift" else "clamped at"
    print(f"{found.kind} of {found.gene} ({how} {found.level_words('g')} {found.unit}), from {found.start}")
    notes = perturbation_summaries.notes_of(found)
    summary = perturbation_summaries.of_perturbation(found)
    summary = summaries.limited(summary, answer.roll_out(chosen), found.time_unit)
    answer.show(summary, result_tables.of_perturbation(found), notes, chosen.out)
    print("\nGenes that change most at the end")
    print(columns(result_tables.first_rows(result_tables.of_changed_genes(found), GENES_LISTED)))
    if chosen.genes_out is not None:
        answer.write_csv(result_tables.of_changed_genes(found), chosen.genes_out)
    if len(found.control_genes):
        print("\nControl genes, the same change made to each")
        print(columns(result_tables.of_control_genes(found)))


def _screen(chosen: argparse.Namespace) -> None:
    """Knock out, or over-express, each gene by itself in the same initial cells, and rank the genes by the change of
    the share of a terminal state."""
    from cellflow_core.analysis.results import PerturbationScreen

    settings: dict[str, Any] = {"genes": tuple(chosen.genes), "kind": chosen.kind, "states": chosen.states}
    if chosen.start is not None:
        settings["start_label"] = tuple(chosen.start)
    found = answer.ask(PerturbationScreen, "screen", chosen, **settings)
    if chosen.of is not None and chosen.of not in found.names:
        raise ValueError(f"there is no terminal state {chosen.of!r}; there are {', '.join(found.names)}")
    fate = 0 if chosen.of is None else found.names.index(chosen.of)
    rows = screen_summaries.rows(found, fate)
    answer.show(screen_summaries.of_screen(found, fate), rows, found.notes, chosen.out)


def _measured_effects(chosen: argparse.Namespace) -> None:
    """Change of each target of a perturbation design against the control cells: genes, energy distance between the
    states beside that of halves of the controls, shares of groups."""
    from cellflow_core.analysis.perturbations.stored_effects import effects_of

    found = effects_of(chosen.dataset, chosen.batch, chosen.shares)
    if chosen.target is not None and chosen.target not in found.names:
        raise ValueError(f"--target {chosen.target}: targets that are compared are {', '.join(found.names)}")
    effects = range(len(found.names)) if chosen.target is None else [found.names.index(chosen.target)]
    words = measured_effect_summaries
    answer.show(words.of_effects(found), words.effect_rows(found), words.notes_of(found))
    print(f"\nError of what a prediction has to beat (SD of each gene)\n{columns(words.baseline_rows(found))}")
    if chosen.out is not None:
        answer.write_csv(words.effect_rows(found) | words.baseline_rows(found), chosen.out)
    if chosen.target is not None or found.groups:
        for effect in effects:
            summary = words.of_effect(found, effect)
            print(f"\n{summary.answer}\nTrust: {summary.trust}. {summary.why}")
            if chosen.target is not None:
                print(columns(result_tables.first_rows(words.gene_rows(found, effect), GENES_LISTED)))
            if found.groups:
                print(columns(words.share_rows(found, effect)))
    if chosen.genes_out is not None:
        tables = [words.gene_rows(found, effect) for effect in effects]
        joined = {name: [value for each in tables for value in each[name]] for name in tables[0]}
        answer.write_csv(joined, chosen.genes_out)


def _landscape(chosen: argparse.Namespace) -> None:
    """Where simulated cells settle, how much of their motion no surface can show, and how many leave the map; the
    height under the measured cells."""
    from cellflow_core.analysis.results import Barriers, Landscape
    from cellflow_core.models import registry
    from cellflow_core.models.contract import MOVES_CELLS, capabilities
    from cellflow_core.runs.index import open_run

    run = open_run(chosen.run)
    dataset = run.dataset()
    by, unit = next(iter(dataset.info.annotations), ""), dataset.info.time_unit
    settings = {"kind": chosen.height, "view": chosen.view, "by": by}
    if capabilities(registry.find(run.recipe.model)) & MOVES_CELLS:
        settings |= {"time": chosen.time}
        found = answer.ask(Landscape, "landscape", chosen, **settings)
        summary = summaries.limited(summaries.of_landscape(found, unit), answer.roll_out(chosen), unit)
    elif chosen.barriers or chosen.time is not None:
        raise ValueError("transitions between cells have no time and no barriers: leave out --time, --barriers")
    else:
        found = answer.ask(Landscape, "chain_landscape", chosen, **settings)
        summary = summaries.of_chain_landscape(found)
    rows = cell_rows.on_landscape(found, dataset, unit)
    answer.show(summary, result_tables.first_rows(rows, CELLS_LISTED), found.notes)
    if chosen.barriers:
        climbs = answer.ask(Barriers, "barriers", chosen, **settings)
        print()
        answer.show(barriers.of_barriers(climbs), barriers.rows(climbs), climbs.notes)
    if chosen.out is not None:
        answer.write_csv(rows, chosen.out)
