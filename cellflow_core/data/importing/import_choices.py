"""What a person decides when a file becomes a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cellflow_core.config import Config, setting

AUTO = "auto"
"""The perturbation is taken from where the file seems to name it."""


@dataclass(frozen=True)
class ImportChoices(Config):
    """What the user decided. `representation` is "pca", "genes", "coordinates" or "obsm:<name>"."""

    label: str = setting("", "Name of the data set; the file name where it is empty", label="Name")
    time_column: str = setting("", "Column that says when each cell was measured; empty: the times are not known")
    unit: str = setting("", "Unit of the times")
    windows: int = setting(
        0,
        "Equal-size time bins into which a column of many numbers, such as pseudotime, is cut; 0: each "
        "different number is a time",
        0,
        60,
    )
    values: Literal["auto", "counts", "log", "coordinates"] = setting(
        "auto",
        "What the values are: counts, logarithmic and ready to use, or coordinates and no genes; auto takes what they "
        "look like",
        label="Values",
    )
    matrix: str = setting(
        "", "Where the file holds the values: X, raw or layers:<name>; empty: X, or what stands in for a scaled X"
    )
    orientation: Literal["", "cells", "genes"] = setting(
        "", "What stands in the rows of a table whose names do not say it: cells or genes"
    )
    min_counts: int = setting(0, "Cells with fewer counts in all are left out", 0)
    max_counts: int = setting(0, "Cells with more counts in all are left out, as two cells in one drop have; 0: off", 0)
    min_genes: int = setting(0, "Cells with fewer genes above zero are left out, as empty drops have", 0)
    max_genes: int = setting(0, "Cells with more genes above zero are left out; 0: off", 0)
    max_mito: float = setting(
        100.0, "Cells with a larger share of mitochondrial counts are left out, as dying cells have", 0.0, 100.0, "%"
    )
    min_cells: int = setting(0, "Genes above zero in fewer cells of the file are left out", 0)
    most_cells: int = setting(
        1_000_000, "Above so many cells a random part is taken, the same share of every time", 100
    )
    representation: str = setting("pca", "Axes in which the model works")
    components: int = setting(30, "Axes that are kept, the leading ones first", 2, 200)
    variable_genes: int = setting(2000, "Genes that differ most between cells, from which the axes are made", 20, 5000)
    batch_column: str = setting(
        "", "Column of batches whose differences Harmony takes out of the principal components; empty: none"
    )
    normalise: bool = setting(True, "Bring every cell to the same total count, since cells are read unequally deep")
    log: bool = setting(True, "Take log(1 + x), so that a doubling counts the same everywhere")
    growth_column: str = setting("", "Column with the net growth rate of each cell; empty: none")
    modality: str = setting(
        "", "What else was measured in the same cells (chromatin, proteins), kept as a second modality; empty: none"
    )
    perturbation_column: str = setting(
        AUTO,
        "Column, or panel of guide counts, that names what was done to each cell (knock-out, treatment); auto: the one "
        "that looks like it; empty: none",
    )
    control_labels: str = setting(
        "",
        "Labels of that column that are controls, between semicolons or on lines of their own; empty: those named like "
        "one (control, non-targeting, DMSO ...)",
    )
    guides: Literal["auto", "join", "keep"] = setting(
        "auto",
        "Guides of one target: joined where their names say so (auto), joined by the number or letter at their end, or "
        "kept as targets of their own",
    )
    drop_incomplete: bool = setting(False, "Leave out cells with a missing or infinite value instead of refusing")
    drop_incomplete_genes: bool = setting(
        False,
        "Leave out genes with a missing or infinite value; with the same of cells: the genes that one time lacks, then "
        "the cells that are still incomplete",
    )
