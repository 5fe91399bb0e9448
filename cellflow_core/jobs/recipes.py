"""From a wish (data, model, preset, seeds) to checked recipes that can be submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellflow_core.runs.recipe import Recipe


def recipes(
    dataset: str,
    model: str,
    preset: str,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    seeds: Sequence[int],
    hold_out: float | None = None,
    device: Any = "auto",
    label: str = "",
) -> list[Recipe]:
    """Recipes of one group: each seed, and the first seed once more without the cells of `hold_out`.

    Everything is checked before anything is queued. Raises ValueError or KeyError with a sentence.
    """
    from cellflow_core.data.store import open_dataset
    from cellflow_core.models import registry
    from cellflow_core.runs.index import new_group
    from cellflow_core.train.trainer import TrainConfig

    data = open_dataset(dataset).snapshots()
    kind = registry.find(model)
    checked = kind.Config.of(settings).as_dict()
    trained = TrainConfig.preset(preset, kind, **training).as_dict()
    lacking = sorted(kind.needs - data.has)
    if lacking:
        raise ValueError(f"{kind.title} needs {' and '.join(lacking)}, which {dataset} does not have")
    if hold_out is not None and len(data.without(hold_out).times) < 2:
        raise ValueError(f"without time {hold_out:g} there are cells at fewer than two times: nothing can be learnt")
    group, name = new_group(), label or f"{kind.title}, {preset}"
    copies: list[tuple[int, float | None]] = [(seed, None) for seed in seeds]
    copies += [] if hold_out is None else [(seeds[0], hold_out)]
    several = len(seeds) > 1
    return [
        Recipe(
            model=model,
            dataset=dataset,
            fingerprint=data.fingerprint,
            settings=checked,
            training=trained,
            hold_out=held,
            seed=seed,
            device=device,
            label=name + (f", seed {seed}" if several else "") + ("" if held is None else f", without time {held:g}"),
            group=group,
        )
        for seed, held in copies
    ]
