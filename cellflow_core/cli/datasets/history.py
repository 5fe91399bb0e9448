"""`data show`, `data splicing` and `data undo`: what a data set holds, its history, and its undoing."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from cellflow_core.cli.table import table
from cellflow_core.data.requirements import row_word
from cellflow_core.plural import counted
from cellflow_core.reporting import file_contents
from cellflow_core.reporting.rna_velocity import tables as splicing_tables
from cellflow_core.reporting.setting_names import in_shell
from cellflow_core.time_units import format_duration


def add(actions: Any) -> None:
    show = actions.add_parser("show", help="what a data set holds and every step that made it")
    show.set_defaults(do=_show)
    splicing = actions.add_parser(
        "splicing", help="unspliced RNA by group and time; after the step moments, every gene and why it was left out"
    )
    splicing.add_argument("--genes", type=int, default=20, metavar="N", help="so many genes at most; 0: all")
    splicing.set_defaults(do=_splicing)
    undo = actions.add_parser("undo", help="the data set before the last step", description=_undo.__doc__)
    undo.set_defaults(do=_undo)
    for parser in (show, splicing, undo):
        parser.add_argument("id", help="id of the data set")


def _show(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.store import ancestors, datasets, open_dataset

    info = open_dataset(chosen.id).info
    size = (counted(info.cells, row_word(info.has)), counted(info.genes, "gene"), counted(info.dim, "axis", "axes"))
    print(f"{info.label}: {', '.join(size)} ({info.space})")
    counts = [(format_duration(at, info.time_unit), f"{n:,}") for at, n in zip(info.times, info.counts, strict=True)]
    print(table(("time", f"{row_word(info.has)}s"), counts) if counts else "times: none known")
    named = {"annotations": info.annotations, "numbers": info.covariates, "layers": info.layers, "views": info.views}
    for name, held in named.items():
        print(f"{name}: {', '.join(held) or 'none'}")
    print(f"\nsteps, from {info.source}:")
    for number, step in enumerate(info.steps, 1):
        print(f"{number}. {step}")
    for note in info.notes:
        print(f"note: {in_shell(note)}")
    if info.contents:
        print("\n" + table(file_contents.HEAD, file_contents.rows(info.contents, in_shell)))
    for each in ancestors(info):
        print(f"made from {each.id}: {each.label}")
    for each in datasets():
        if each.parent == info.id:
            print(f"made from this one {each.id}: {each.label}")


def _splicing(chosen: argparse.Namespace) -> None:
    from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers, unspliced_shares, unusual_shares
    from cellflow_core.data.preprocessing.velocity_genes import stored_genes
    from cellflow_core.data.store import open_dataset

    dataset = open_dataset(chosen.id)
    shares = unspliced_shares(SplicingLayers.of(dataset), dataset.snapshots())
    print(table(splicing_tables.SHARES, splicing_tables.share_rows(shares)))
    for note in unusual_shares(shares):
        print(note)
    genes = stored_genes(dataset)
    if genes is None:
        print("no velocity genes yet: take the step moments")
        return
    rows = splicing_tables.gene_rows(genes)
    print("\n" + table(splicing_tables.GENES, rows[: chosen.genes or len(rows)]))
    print(splicing_tables.gene_summary(genes))


def _undo(chosen: argparse.Namespace) -> None:
    """Print the id of the data set before the last step. Nothing is lost: the one after it stays as well.

    Annotations that the last step added are taken away from the data set itself."""
    from cellflow_core.data.store import ancestors, open_dataset
    from cellflow_core.data.store.annotation_layers import last_added, remove_last

    dataset = open_dataset(chosen.id)
    info = dataset.info
    if last_added(info):
        remove_last(dataset)
        print(f"this is how it was before {info.steps[-1]!r}; the cells are the same", file=sys.stderr)
        print(info.id)
        return
    before = ancestors(info)
    if not before:
        gone = f"the data set before, {info.parent}, was deleted: data restore {info.parent} brings it back"
        raise ValueError(gone if info.parent else f"{info.label!r} was made by no step from another: import it anew")
    print(f"this is how it was before {info.steps[-1]!r}; {info.id} is still there", file=sys.stderr)
    print(before[0].id)
