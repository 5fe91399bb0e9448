"""What our own benchmarks say about each model: read from the stored tables of `benchmarks/loo.py`, never typed in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, mean, median
from typing import Any

from cellflow_core import aliases
from cellflow_core.analysis.results import Scores
from cellflow_core.data.store.dataset import DatasetInfo
from cellflow_core.jobs.analysis_cache import stored_scores
from cellflow_core.runs import index
from cellflow_core.selection.comparison_summary import MIN_RELATIVE_GAIN
from cellflow_core.selection.model_cards import ModelCard

TITLES = {
    "eb_velocity_subset2750.npz": "embryoid bodies",
    "emt.csv": "epithelial-mesenchymal transition",
    "guo2010_440x48.h5ad": "mouse embryos, Guo 2010",
    "kouno2013_thp1_960x45.h5ad": "THP-1 cells, Kouno 2013",
    "mes_pe_456x100.h5ad": "mouse stem cells to endoderm",
    "mouse_hematopoiesis.csv": "mouse blood",
    "bifurcating_1000x250 · autoencoder of counts": "simulated counts",
}
"""Files of the benchmark as people name them; another file has its own name."""
STUDIES = {"theo_sd.csv": "theophylline", "warfarin.csv": "warfarin"}
"""Tables of individuals as people name them."""
RESULTS = Path(__file__).parent / "results"
"""The tables of `benchmarks/loo.py`, part of the package: what the guide ranks by."""


LAST_VALUE = "last-value"
"""The model of individuals that the others are held against."""
HERE = "these data"
"""Name of a user's own data among those of the benchmark."""


@dataclass(frozen=True)
class Evidence:
    """One model on one data set, one point a cell at each held-out time (protocol loo-v2).

    data      name of the data set; one file in 5 and in 50 axes makes two tables of one data set
    ratio     its mean W1 over that of the OT midpoint, which learns nothing: below 1 is better than a straight line
    seconds   of one training, on the machine of the benchmark
    settings  those that are not the defaults, as (name, value)
    times     measured times of the data set, the held-out one among them
    score     what the ratio is of: "W1", or of individuals "CRPS" over that of the last value carried forward
    """

    model: str
    data: str
    ratio: float
    seconds: float
    settings: tuple[tuple[str, Any], ...] = ()
    times: int = 0
    score: str = "W1"


@cache
def evidence(folder: Path = RESULTS) -> tuple[Evidence, ...]:
    """Every model of every stored table of held-out times, with default settings and with others."""
    tables = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("loo_*.json")))
    return tuple(each for table in tables for each in _of_table(table))


@cache
def course_evidence(folder: Path = RESULTS) -> tuple[Evidence, ...]:
    """Every model of every stored table of `benchmarks/courses.py`: forecasts of held-out individuals, mean over their
    variables."""
    found = []
    for path in sorted(folder.glob("courses_*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        for label in dict.fromkeys(row["model"] for row in table["rows"]):
            ratios = crps_ratios(table, label)
            if ratios:
                name, settings = _named(label)
                seconds = median(row["cpu"] for row in table["rows"] if row["model"] == label)
                data = str(table["data"]["name"])
                ratio = mean(ratios.values())
                found.append(Evidence(name, STUDIES.get(data, data), ratio, seconds, settings, score="CRPS"))
    return tuple(found)


def crps_ratios(table: Mapping[str, Any], label: str) -> dict[str, float]:
    """Variable -> CRPS of forecasts from a part of the history over that of the last value carried forward, mean over
    the seeds of both: the same individuals were held out. Nothing where none is shared."""
    beside = {row["seed"]: row["variables"] for row in table["rows"] if row["model"] == LAST_VALUE}
    found: dict[str, list[float]] = {}
    for row in table["rows"]:
        if row["model"] == label and row["seed"] in beside:
            for variable, each in row["variables"].items():
                reference = beside[row["seed"]][variable]["after"]["crps"]
                found.setdefault(variable, []).append(each["after"]["crps"] / reference)
    return {variable: mean(ratios) for variable, ratios in found.items()}


def record(measured: Iterable[Evidence]) -> dict[str, tuple[int, int]]:
    """Model -> (data sets on which it is no nearer than the OT midpoint, data sets it was measured on), with default
    settings."""
    found: dict[str, tuple[int, int]] = {}
    for model, ratios in by_data(measured).items():
        found[model] = sum(each > 1 - MIN_RELATIVE_GAIN for each in ratios.values()), len(ratios)
    return found


def by_data(measured: Iterable[Evidence]) -> dict[str, dict[str, float]]:
    """Model -> data set -> ratio, the mean over its tables, with default settings."""
    several: dict[str, dict[str, list[float]]] = {}
    for each in measured:
        if not each.settings:
            several.setdefault(each.model, {}).setdefault(each.data, []).append(each.ratio)
    return {model: {data: mean(ratios) for data, ratios in own.items()} for model, own in several.items()}


def measured_here(info: DatasetInfo, cards: Mapping[str, ModelCard]) -> tuple[Evidence, ...]:
    """What the finished runs on these data, each with a held-out time, say of each model and its settings."""
    rows: dict[tuple[str, tuple[tuple[str, Any], ...]], list[tuple[Scores, float]]] = {}
    usual = {name: {each.name: each.default for each in card.settings} for name, card in cards.items()}
    for run in index.runs():
        recipe = run.recipe
        own = (recipe.dataset, recipe.fingerprint) == (info.id, info.fingerprint_for(recipe.settings))
        if not own or recipe.hold_out is None or recipe.model not in cards or (status := run.status()).state != "done":
            continue
        if (scores := stored_scores(run)) is not None:
            default = usual[recipe.model]
            changed = tuple((name, value) for name, value in recipe.settings.items() if default.get(name) != value)
            rows.setdefault((recipe.model, changed), []).append((scores, status.seconds))
    found = []
    for (model, settings), scored in rows.items():
        ratio = fmean(each.from_previous.w1 for each, _ in scored) / fmean(each.midpoint.w1 for each, _ in scored)
        found.append(Evidence(model, HERE, ratio, median(seconds for _, seconds in scored), settings))
    return tuple(found)


def _of_table(table: dict[str, Any]) -> list[Evidence]:
    """Rows with several points a cell have no place among the others: a cloud of more points is nearer for that."""
    found = []
    for label in dict.fromkeys(row["model"] for row in table["rows"]):
        rows = [row for row in table["rows"] if row["model"] == label]
        rows = [row for row in rows if row.get("w1") is not None and row.get("points_per_cell") == 1]
        if rows:
            model, settings = _named(label)
            ratio = mean(row["w1"] for row in rows) / table["baselines"]["midpoint"]
            file, times = str(table["data"]["file"]), len(table["data"].get("times", ()))
            seconds = median(row.get("cpu", row["seconds"]) for row in rows)
            found.append(Evidence(model, TITLES.get(file, file), ratio, seconds, settings, times))
    return found


def _named(label: str) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """(model, settings) of "name:setting=value", by the names of today."""
    name, *pairs = label.split(":")
    model = aliases.model(name)
    given = {key: _value(value) for key, _, value in (p.partition("=") for p in pairs)}
    return model, tuple(aliases.settings(model, given).items())


def _value(text: str) -> Any:
    """A number, true or false; any other text as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text
