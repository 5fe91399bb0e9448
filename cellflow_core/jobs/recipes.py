"""Checked recipes, ready to be submitted, from data, model, preset and seeds."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cellflow_core.config import titled, variant
from cellflow_core.runs.recipe import Recipe, check_seed
from cellflow_core.time_units import format_time, format_times, measured_time

if TYPE_CHECKING:
    from cellflow_core.data.snapshots import Snapshots
    from cellflow_core.data.store import Dataset


def recipes(
    dataset: str,
    model: str,
    preset: str,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    seeds: Sequence[int],
    hold_out: float | None = None,
    hold_out_after: float | None = None,
    band_folds: int = 0,
    beside: Sequence[str] = (),
    device: Any = "auto",
    label: str = "",
) -> list[Recipe]:
    """Recipes of one group: each seed, and the first seed once more without the cells of `hold_out`.

    hold_out_after  a time after which nothing that was measured of followed individuals is used
    band_folds      copies of each run, without a part of the individuals each, that calibrate its bands; 0: none
    beside          other models, with the same seed and part of the data held out: references of its forecasts
    Everything is checked before anything is queued. Raises ValueError or KeyError with a sentence.
    """
    from cellflow_core.data.store import open_dataset
    from cellflow_core.runs.index import new_group
    from cellflow_core.train.followed import later_time

    if hold_out is not None and hold_out_after is not None:
        raise ValueError("hold out one time or all that follows one, not both")
    opened = open_dataset(dataset)
    data = opened.snapshots()
    made = _recipe(opened, model, preset, settings, training, device)
    hold_out = None if hold_out is None else measured_time(hold_out, data.times)
    if hold_out is not None and len(data.without(hold_out).times) < 2:
        raise ValueError(
            f"without time {format_time(hold_out)} there are cells at fewer than two times: nothing can be learnt"
        )
    if hold_out_after is not None:
        hold_out_after = later_time(made.model, data, hold_out_after)
        made = _without_later(made, hold_out_after)
    made = _with_bands(made, data, band_folds)
    copies: list[tuple[int, float | None]] = [(seed, None) for seed in seeds]
    copies += [] if hold_out is None else [(seeds[0], hold_out)]
    found = _group(replace(made, label=label or made.label), new_group(), copies, several=len(seeds) > 1)
    share = {"validation_fraction": made.training["validation_fraction"]}
    for name in beside:
        reference = _recipe(opened, name, preset, {}, share, device)
        reference = reference if hold_out_after is None else _without_later(reference, hold_out_after)
        found += _group(reference, found[0].group, [(seeds[0], None)], several=False)
    return found


def _with_bands(recipe: Recipe, data: Snapshots, folds: int) -> Recipe:
    """The same with so many copies. Raises ValueError where they cannot calibrate the bands of this training."""
    if not folds:
        return recipe
    import numpy as np

    from cellflow_core.analysis.courses.band_calibration import check_folds
    from cellflow_core.data.train_validation_split import folds_of, validation_split
    from cellflow_core.train.followed import followed

    known = followed(recipe.model, data, "it has no bands to calibrate")
    if recipe.hold_out_after is not None:
        raise ValueError(
            "bands of times after all of the training cannot be calibrated: hold out no later measurements"
        )
    train, _ = validation_split(known, recipe.training["validation_fraction"], recipe.seed)
    check_folds(len(train.subjects), folds)
    for held in folds_of(train.subjects, folds, recipe.seed):
        left = train.take(np.setdiff1d(train.subjects, held))
        alone = [name for k, name in enumerate(left.variables) if not left.observed[:, k].any()]
        if alone:
            raise ValueError(
                f"{alone[0]} was measured in too few individuals: a copy without one part of them would have none with "
                "it. Train without calibrated bands, or ask for more parts"
            )
    return replace(recipe, band_folds=folds)


def _without_later(recipe: Recipe, after: float) -> Recipe:
    return replace(recipe, hold_out_after=after, label=f"{recipe.label}, held out after {format_time(after)}")


def more_seeds(recipe: Recipe, taken: Sequence[int], count: int = 2) -> list[Recipe]:
    """The same training from `count` other seeds, of the same group, so that answers tell their spread. taken: seeds
    that there are."""
    from cellflow_core.runs.recipe import now, versions

    new = itertools.islice((seed for seed in itertools.count() if seed not in taken), count)
    label = re.sub(r", seed \d+$", "", recipe.label)
    made = replace(recipe, label=label, versions=versions(), created=now())
    return _group(made, recipe.group, [(seed, None) for seed in new], several=True)


@dataclass(frozen=True)
class Comparison:
    """The runs that a comparison is made of, every model times seed times fold, in this order; or a sweep.

    refused  the models that cannot be trained on these data, each with a sentence that says why
    """

    dataset: str
    recipes: tuple[Recipe, ...]
    refused: Mapping[str, str]


def comparison(
    dataset: str,
    models: Sequence[str] = (),
    preset: str = "standard",
    seeds: Sequence[int] = (0,),
    folds: Sequence[float] | None = None,
    *,
    device: Any = "auto",
) -> Comparison:
    """Each model (none named: every one there is) with the settings of a preset, without each of the `folds` in turn.

    folds  times left out, each between two others; None: all there are

    Raises KeyError for a model or data set that does not exist, ValueError for a time that cannot be left out.
    """
    from cellflow_core.analysis.evaluate import middle_times
    from cellflow_core.data.store import open_dataset
    from cellflow_core.models import registry
    from cellflow_core.models.contract import MOVES_CELLS, capabilities
    from cellflow_core.runs.index import new_group

    opened = open_dataset(dataset)
    inner = middle_times(opened.snapshots())
    wanted = inner if folds is None else tuple(measured_time(each, inner) for each in folds)
    if outside := [each for each in wanted if each not in inner]:
        raise ValueError(
            f"time {format_time(outside[0])} cannot be left out: it must be one of {', '.join(format_times(inner))}, "
            "which lie between two others"
        )
    copies = [(seed, fold) for seed in dict.fromkeys(seeds) for fold in dict.fromkeys(wanted)]
    group, made, refused = new_group(), [], {}
    for name in dict.fromkeys(models or registry.names()):
        kind = registry.find(name)
        if not capabilities(kind) & MOVES_CELLS:
            refused[name] = f"{kind.title} moves no cells, so nothing of it can be compared with a held-out time"
            continue
        try:
            one = _recipe(opened, name, preset, {}, {}, device)
        except ValueError as error:
            refused[name] = str(error)
        else:
            made += _group(one, group, copies, several=True)
    return Comparison(dataset, tuple(made), refused)


MOST = 500
"""Runs of one sweep."""


def sweep(
    dataset: str,
    models: Sequence[str],
    preset: str = "standard",
    values: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    seeds: Sequence[int] = (0,),
    *,
    hold_out_after: float | None = None,
    device: Any = "auto",
) -> Comparison:
    """Each model with each combination of values of its settings and of the training, trained on all times once a seed.

    values  setting -> its values; a model without a setting of that name is trained without it
    hold_out_after  as in `recipes`

    Raises KeyError for a model or data set that does not exist, ValueError for a name that is no setting of any of the
    models, and for more than MOST runs. A model that cannot take one of the values is not trained at all: see
    `refused`.
    """
    from cellflow_core.data.store import open_dataset
    from cellflow_core.models import registry
    from cellflow_core.runs.index import new_group
    from cellflow_core.train.followed import later_time
    from cellflow_core.train.trainer import TrainConfig

    opened, group, made, refused = open_dataset(dataset), new_group(), [], {}
    of_training = {each.name for each in TrainConfig.settings()}
    own = {name: {each.name for each in registry.find(name).Config.settings()} for name in dict.fromkeys(models)}
    if unknown := sorted(set(values) - of_training.union(*own.values())):
        raise ValueError(f"none of these models has a setting {', '.join(unknown)}")
    for name, settings in own.items():
        taken = {key: list(dict.fromkeys(each)) for key, each in values.items() if key in settings | of_training}
        if len(made) + math.prod(map(len, taken.values())) * len(set(seeds)) > MOST:
            raise ValueError(f"that are more than {MOST} runs: choose fewer values, seeds or models")
        its: list[Recipe] = []
        try:
            for chosen in (dict(zip(taken, each, strict=True)) for each in itertools.product(*taken.values())):
                training = {key: value for key, value in chosen.items() if key in of_training}
                rest = {key: value for key, value in chosen.items() if key not in of_training}
                one = _recipe(opened, name, preset, rest, training, device)
                if hold_out_after is not None:
                    one = _without_later(one, later_time(name, opened.snapshots(), hold_out_after))
                words = "".join(f", {key} {value}" for key, value in chosen.items())
                copies = [(seed, None) for seed in dict.fromkeys(seeds)]
                its += _group(replace(one, label=one.label + words), group, copies, several=True)
        except ValueError as error:
            refused[name] = str(error)
        else:
            made += its
    return Comparison(dataset, tuple(made), refused)


HELD_OUT = 0.2
"""Share of the individuals that a comparison of their forecasts keeps from training."""


def individuals_held_out(
    dataset: str, models: Sequence[str], seed: int, like: Recipe | None = None, bands: int = 0, *, device: Any = "auto"
) -> list[Recipe]:
    """Recipes of one group: each model trained without the same fifth of the individuals, which its seed draws.

    like  a recipe with later measurements held out: they are held out, with as many individuals as there, instead
    bands  `band_folds` of `recipes`
    Raises KeyError for a model or data set that does not exist, ValueError with a sentence where one does not fit.
    """
    from cellflow_core.data.store import open_dataset
    from cellflow_core.runs.index import new_group

    opened, group = open_dataset(dataset), new_group()
    after = None if like is None else like.hold_out_after
    share = HELD_OUT if like is None or after is None else like.training.get("validation_fraction")
    split = {} if share is None else {"validation_fraction": share}
    made = [_recipe(opened, each, "standard", {}, split, device) for each in models]
    made = [replace(each, seed=check_seed(seed), group=group) for each in made]
    if after is not None:
        return [_without_later(each, after) for each in made]
    made = [_with_bands(each, opened.snapshots(), bands) for each in made]
    return [replace(each, label=f"{each.label}, {HELD_OUT:.0%} held out") for each in made]


def _recipe(
    dataset: Dataset,
    model: str,
    preset: str,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    device: Any,
) -> Recipe:
    """What all runs of one model share. ValueError with a sentence where the data or the settings do not fit."""
    from cellflow_core.models import registry
    from cellflow_core.train.trainer import TrainConfig

    kind = registry.find(model)
    checked = kind.Config.from_dict(settings)
    kind.check_installed(checked)
    trained = TrainConfig.preset(preset, kind, **training).as_dict()
    data = dataset.snapshots()
    if lacking := kind.missing_data(checked, data.has) or kind.missing_annotation(checked, data):
        raise ValueError(lacking)
    return Recipe(
        model=model,
        dataset=dataset.info.id,
        fingerprint=dataset.info.fingerprint_for(checked.as_dict()),
        settings=checked.as_dict(),
        training=trained,
        device=device,
        label=f"{titled(kind.title, variant(kind.Config.settings(), checked.as_dict()))}, {preset}",
    )


def _group(made: Recipe, group: str, copies: Sequence[tuple[int, float | None]], several: bool) -> list[Recipe]:
    """One recipe for each (seed, time held out), with a label that tells them apart."""
    return [
        replace(
            made,
            seed=check_seed(seed),
            hold_out=held,
            group=group,
            label=made.label
            + (f", seed {seed}" if several else "")
            + ("" if held is None else f", without time {format_time(held)}"),
        )
        for seed, held in copies
    ]
