"""Cells whose gene network is known: what networks are inferred from, and held against.

Files are those of the reference data sets, read from a folder; simulated circuits are drawn anew. A name with a number
after a slash ("six-gene/3") is one draw of a simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellflow_core.data import readers
from cellflow_core.data.importing.time_bins import quantile_bins
from cellflow_core.data.simulators.contract import HasNetwork
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.network_scores import candidate_edges

Array = np.ndarray
CURATED = ("GSD", "HSC", "mCAD", "VSC")
SYNTHETIC = ("BF", "LI", "CY", "TF")
SIMULATORS = {
    "krumsiek": ("krumsiek", {}, "times"),
    "six-gene": ("six-gene-circuit", {}, "velocity"),
    "lorenz-0.1": ("lorenz96", {"interval": 0.1}, "series"),
    "lorenz-0.15": ("lorenz96", {"interval": 0.15}, "series"),
}
"""Name here: (name of the simulator, its settings, what models are fitted to)."""


@dataclass(frozen=True)
class Case:
    """Cells with genes as axes, and their network.

    truth       [targets, sources]: 0 none, below 0 repression; 1 for all edges where the source tells no signs
    candidates  pairs that count (`candidate_edges`)
    motion      what models with a field are fitted to: "times", "velocity" or "series"; "" where nothing moves
    """

    data: Snapshots
    truth: Array
    candidates: Array
    motion: str


def load(name: str, folder: Path, windows: int, order: str) -> Case:
    """A case by name. windows: of the simulation time, or (order "pseudotime") of the given pseudotime, of BEELINE.

    Raises KeyError for another name, FileNotFoundError with a sentence where its files are not in the folder.
    """
    kind, _, draw = name.partition("/")
    if kind in SIMULATORS:
        return simulated(kind, int(draw or 0))
    if kind not in FILES:
        raise KeyError(f"there are no data {name!r}; there are {', '.join(names(1))}")
    where, read = FILES[kind]
    if not (folder / where).is_dir():
        raise FileNotFoundError(f"its files are not at {folder / where} (--files names another folder)")
    return read(folder / where, windows, order)


def names(draws: int) -> tuple[str, ...]:
    """Every case, with so many draws of each simulator."""
    return (*FILES, *(f"{each}/{draw}" for each in SIMULATORS for draw in range(draws)))


def simulated(kind: str, draw: int) -> Case:
    simulator, settings, motion = SIMULATORS[kind]
    process = create(simulator, {**settings, "seed": draw})
    assert isinstance(process, HasNetwork)
    return Case(process.simulate(), process.network().astype(float), candidate_edges(process.axes), motion)


def beeline(folder: Path, windows: int, order: str) -> Case:
    """Cells of simulations, at the mean of the window that their time falls in; a signed network of all genes."""
    import pandas as pd

    table = readers.read(folder / "ExpressionData.csv.gz", "ExpressionData.csv.gz")
    time = table.obs["simulation time"].to_numpy(float)
    if order == "pseudotime":
        time = pd.read_csv(folder / "PseudoTime.csv.gz", index_col=0).loc[table.obs.index].mean(axis=1).to_numpy(float)
    edges = pd.read_csv(folder / "refNetwork.csv")
    data = genes(table.x, quantile_bins(time, windows), table.features)
    signs = [1.0 if each == "+" else -1.0 for each in edges["Type"]]
    truth = network(table.features, edges["Gene1"], edges["Gene2"], signs)
    return Case(data, truth, candidate_edges(table.features), "times")


def scode(folder: Path, windows: int, order: str) -> Case:
    """Cells at their times, against known edges between transcription factors, without signs.

    A gene that the reference does not name is no target, and only genes that act there are sources. Names are matched
    without regard to case: the reference writes mouse genes in capitals.
    """
    import pandas as pd

    path = next(folder.glob("*.h5ad"))
    table = readers.read(path, path.name)
    names = tuple(each.upper() for each in table.features)
    edges = pd.read_csv(folder / "reference_TFTF_network.txt", sep="\t", header=None)
    truth = network(names, edges[0], edges[1], [1.0] * len(edges))
    named = np.isin(np.array(names), [*edges[0], *edges[1]])
    candidates = candidate_edges(names, [*edges[0]]) & named[:, None]
    return Case(genes(table.x, table.obs["time"].to_numpy(float), table.features), truth, candidates, "times")


def dream_series(folder: Path, windows: int, order: str) -> Case:
    """Twenty series of eleven times: ten while an unknown third of the genes is perturbed, ten after it."""
    table, truth, candidates = _dream(folder)
    rows = table.obs["series"].notna().to_numpy()
    run = table.obs["series"][rows].astype("category").cat.codes.to_numpy()
    data = genes(table.x[rows], table.obs["time"][rows].to_numpy(float), table.features, subject=run.astype(np.int64))
    return Case(data, truth, candidates, "series")


def dream_steady(folder: Path, windows: int, order: str) -> Case:
    """Steady states: the wild type, and a knock-out (1) and a knock-down (0.5) of every gene as perturbations."""
    table, truth, candidates = _dream(folder)
    rows = table.obs["series"].isna().to_numpy()
    kind, gene = (table.obs[each][rows].to_numpy() for each in ("perturbation", "perturbed gene"))
    strength = np.where(kind == "knock-out", 1.0, np.where(kind == "knock-down", 0.5, 0.0))
    design = {each: np.where(gene == each, strength, 0.0) for each in table.features}
    return Case(genes(table.x[rows], None, table.features, perturbation=design), truth, candidates, "")


def _dream(folder: Path) -> tuple[readers.Table, Array, Array]:
    import pandas as pd

    table = readers.read(folder / "expression.tsv.gz", "expression.tsv.gz")
    known = pd.read_csv(folder / "gold_standard.tsv", sep="\t", index_col=0)
    truth = known.loc[list(table.features), list(table.features)].to_numpy(float)
    return table, truth, candidate_edges(table.features)


def genes(x: Array, t: Array | None, names: tuple[str, ...], **channels: object) -> Snapshots:
    return Snapshots(np.asarray(x, np.float32), t, AffineSpace.of_genes(names), channels=channels)


def network(names: tuple[str, ...], source: object, target: object, signs: list[float]) -> Array:
    """Edges as a matrix, targets in rows. Raises KeyError for a gene that was not measured."""
    place, found = {each: k for k, each in enumerate(names)}, np.zeros((len(names), len(names)))
    for one, other, sign in zip(source, target, signs, strict=True):  # type: ignore[call-overload]
        found[place[other], place[one]] = sign
    return found


FILES: Mapping[str, tuple[str, Callable[[Path, int, str], Case]]] = {
    **{each: (f"beeline_curated/{each}_2000_0", beeline) for each in CURATED},
    **{each: (f"beeline_synthetic/dyn-{each}_2000_0", beeline) for each in SYNTHETIC},
    "mES": ("scode_mes_pe", scode),
    "MEF": ("scode_mef_neuron", scode),
    "dream4-series": ("dream4_inferelator", dream_series),
    "dream4-steady": ("dream4_inferelator", dream_steady),
}
"""Name: (folder of its files, what reads them)."""
