"""How long a training will take on this machine, from a try of each of its phases."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

TRIED = 6
"""Steps that the shortest phase is tried for, where there are several."""


class _Stop(Exception):
    """The speed is known."""


def estimate(
    model: str, settings: Mapping[str, Any], training: Mapping[str, Any], dataset_id: str, seconds: float = 1.5
) -> float:
    """Seconds that this training will take on this machine's CPU, from a try of about `seconds` after the preparation.

    Phases may differ in the time of a step: where there are several, so few steps of each are tried that all are seen;
    one that the try did not come to is taken to be as fast as the others. Raises ValueError or KeyError, with a
    sentence, where the settings, the model or the data do not fit.
    """
    from cellflow_core.data.store import open_dataset
    from cellflow_core.models import registry
    from cellflow_core.train.trainer import Progress, TrainConfig, fit, steps_by_phase

    data = open_dataset(dataset_id).snapshots()
    kind = registry.find(model)
    wanted = TrainConfig.from_dict(dict(kind.default_training) | dict(training))
    tried = registry.create(model, settings, data.spec, 0)
    phases = tried.phases()
    counts = steps_by_phase(phases, wanted.steps)
    several = sum(count > 0 for count in counts) > 1
    shortest = min((count for count in counts if count), default=1)
    steps = min(wanted.steps, math.ceil(TRIED * wanted.steps / shortest)) if several else wanted.steps
    seen: list[tuple[str, int, float]] = []

    def report(progress: Progress) -> None:
        seen.append((progress.phase, progress.step, progress.seconds))
        since = progress.seconds - seen[0][2]
        if len(seen) > 2 and since > (4 if several else 1) * seconds:
            raise _Stop

    began = time.monotonic()
    try:
        fit(tried, data, TrainConfig.from_dict(wanted.as_dict() | {"steps": steps, "log_every": 2}), report)
    except _Stop:
        pass
    else:
        if steps == wanted.steps:
            return time.monotonic() - began
    return _extrapolated(seen, {phase.name: count for phase, count in zip(phases, counts, strict=True)})


def _extrapolated(seen: list[tuple[str, int, float]], counts: Mapping[str, int]) -> float:
    """Preparation as it took, and every phase at the speed between its first and its last report."""
    speeds, prepared, before = {}, 0.0, 0.0
    for name in dict.fromkeys(phase for phase, _, _ in seen):
        (first, at), *_, (last, now) = [*((step, now) for phase, step, now in seen if phase == name)] * 2
        if last > first:
            speeds[name] = (now - at) / (last - first)
        prepared += max(at - before, 0.0)
        before = now
    typical = sum(speeds.values()) / len(speeds) if speeds else 0.0
    return prepared + sum(count * speeds.get(name, typical) for name, count in counts.items())
