"""The runs of a sweep as a table: each model with each choice of settings, by its validation loss.

The held-out time of a comparison has no part in it: what was chosen by it could not be tested by it any more.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellflow_core.runs.run import Run
from cellflow_core.runs.status import newest_row
from cellflow_core.selection.model_cards import ModelCard

NOTE = (
    "The validation loss is that of a tenth of the cells, which were kept from training. It chooses among settings of "
    "one model; losses of different models measure different things, and so do those of a setting that is part of the "
    "loss (a noise, a regularisation). Which model to trust follows from held-out times, on Compare."
)


@dataclass(frozen=True)
class Candidate:
    """A model with one choice of settings, over its seeds.

    variant  the settings, of the model and its training, that the sweep varies, in words; "" where it varies none
    losses   validation loss of each run that has one, the last one reported; best: is its mean the lowest of the model,
             whose runs have all ended?
    """

    model: str
    variant: str
    runs: tuple[Run, ...]
    losses: tuple[float, ...]
    best: bool = False

    @property
    def mean(self) -> float:
        return statistics.fmean(self.losses) if self.losses else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation over seeds; nan for one."""
        return statistics.stdev(self.losses) if len(self.losses) > 1 else math.nan


def candidates(runs: Iterable[Run], cards: Mapping[str, ModelCard]) -> list[Candidate]:
    """The choices of a sweep by model, that with the lowest mean validation loss first."""
    found: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        found.setdefault(run.recipe.choice, []).append(run)
    varied = {model: _varied([own[0] for own in found.values() if own[0].recipe.model == model]) for model, *_ in found}
    listed = [_candidate(tuple(own), varied[own[0].recipe.model], cards) for own in found.values()]
    listed.sort(key=lambda each: (each.model, math.isnan(each.mean), each.mean))
    best = {model: _best([each for each in listed if each.model == model]) for model in {each.model for each in listed}}
    return [Candidate(each.model, each.variant, each.runs, each.losses, each is best[each.model]) for each in listed]


def table(rows: Sequence[Candidate], titles: Mapping[str, str]) -> dict[str, list[Any]]:
    """One row a candidate: model, settings, validation loss with the spread over seeds, runs, time of one."""
    return {
        "model": [titles.get(each.model, each.model) for each in rows],
        "settings": [each.variant or "the same" for each in rows],
        "validation loss": [_loss(each) for each in rows],
        "": ["lowest of this model" if each.best else "" for each in rows],
        "runs": [_states(each) for each in rows],
        "time (s)": [_time(each) for each in rows],
    }


def _settings(run: Run) -> dict[str, Any]:
    return {**run.recipe.settings, **run.recipe.training}


def _varied(runs: Sequence[Run]) -> list[str]:
    """Names of the settings that are not the same in all of these runs of one model."""
    values = [_settings(run) for run in runs]
    return [name for name in values[0] if any(each.get(name) != values[0][name] for each in values)]


def _candidate(runs: tuple[Run, ...], varied: Sequence[str], cards: Mapping[str, ModelCard]) -> Candidate:
    model, values = runs[0].recipe.model, _settings(runs[0])
    card = cards.get(model)
    labels = {each.name: each.label for each in (*card.settings, *card.training_settings)} if card else {}
    words = ", ".join(f"{labels.get(name, name)} {values[name]}" for name in varied)
    return Candidate(model, words, runs, tuple(filter(math.isfinite, map(_validation, runs))))


def _best(own: Sequence[Candidate]) -> Candidate | None:
    ended = all(run.status().ended for each in own for run in each.runs)
    able = [each for each in own if len(each.losses) == len(each.runs) and each.losses]
    return min(able, key=lambda each: each.mean) if ended and len(own) > 1 and able else None


def _validation(run: Run) -> float:
    """The last validation loss that the run reported; nan before the first, and where nothing is learnt."""
    if run.status().state in ("failed", "cancelled"):  # asked first: of a damaged run nothing else can be read
        return math.nan
    found = (run.result or newest_row(run.attempts)).get("validation")
    return math.nan if found is None else float(found)


def _loss(row: Candidate) -> str:
    if math.isnan(row.mean):
        return ""
    return f"{row.mean:.4g}" + ("" if math.isnan(row.spread) else f" ± {row.spread:.2g}")


def _states(row: Candidate) -> str:
    states = [run.status().state + (" with a smaller batch" if run.smaller_batch else "") for run in row.runs]
    count = {each: states.count(each) for each in dict.fromkeys(states)}
    return ", ".join(f"{number} {state}" for state, number in count.items())


def _time(row: Candidate) -> str:
    seconds = [run.status().seconds for run in row.runs if run.status().state == "done"]
    return f"{statistics.fmean(seconds):.3g}" if seconds else ""
